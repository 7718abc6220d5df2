"""One running pipetrace: its incidents, its messages, its readiness and its end."""
import json
import signal
import subprocess
import threading
import time

READY_SECONDS = 60  # software-emulated machines are slow
STOP_SECONDS = 20


class Tracer:
    """Reads both outputs in threads, so that pipetrace never waits for its reader. A message that begins
    as `ready` says that it is."""

    def __init__(self, command, ready="pipetrace: tracing", **popen):
        self.command = [str(part) for part in command]
        self.lines, self.messages = [], []
        self._ready = ready
        self._changed = threading.Condition()
        self._begin = time.monotonic()
        self.seconds_to_ready = None
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace", **popen)
        self._threads = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in
                         ((self.process.stdout, self.lines), (self.process.stderr, self.messages))]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, into):
        for line in stream:
            with self._changed:
                if into is self.messages and line.startswith(self._ready):
                    self.seconds_to_ready = self.seconds_to_ready or time.monotonic() - self._begin
                into.append(line)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _wait(self, condition, seconds):
        """Wait until the condition holds, the program ends, or time is up; return the condition."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or not any(thread.is_alive() for thread in self._threads):
                    return condition()
                self._changed.wait(min(left, 0.2))
        return True

    def wait_ready(self, seconds=READY_SECONDS):
        return self._wait(lambda: self.seconds_to_ready is not None, seconds)

    def incidents(self):
        """Every printed line; a line that is no JSON raises."""
        return [json.loads(line) for line in list(self.lines)]

    def last_revisions(self):
        return list({incident["id"]: incident for incident in self.incidents()}.values())

    def wait_incident(self, accepts, seconds):
        """Wait for an incident that `accepts` takes."""
        seen = 0

        def found():
            nonlocal seen
            fresh, seen = self.lines[seen:], len(self.lines)
            return any(accepts(json.loads(line)) for line in fresh)

        return self._wait(found, seconds)

    def wait_line(self, text, seconds):
        """Wait for a line on stdout that contains the text."""
        return self._wait(lambda: any(text in line for line in self.lines), seconds)

    def wait_end(self, seconds):
        """Wait for the program to end by itself; return its status or None."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        for thread in self._threads:
            thread.join(5)
        return self.process.returncode

    def stop(self, number=signal.SIGINT, seconds=STOP_SECONDS):
        """Signal it, wait for its end; return (status, seconds that the end took)."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.wait_end(seconds)
        taken = time.monotonic() - begin
        if status is None:
            self.process.kill()
            self.wait_end(5)
            raise TimeoutError(f"pipetrace did not end within {seconds} s of signal {number}")
        return status, taken

    def stderr(self):
        return "".join(self.messages)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
