"""Ends what a test made and can no longer end by itself, killed as it was, or out of its time.

A warden is nobody's child, so that whoever kills the test with all its children leaves it. It waits for the
end of a pipe that the test alone holds.
"""
import subprocess

# $1 is a process of a host: all that run in its mount namespace are ended. The namespace is held open, or its
# number might by then be another's.
END_HOST = r"""
exec 3< "/proc/$1/ns/mnt"
read -r released && exit
for round in 1 2 3; do
  for found in /proc/[0-9]*; do
    [ "$found/ns/mnt" -ef /proc/self/fd/3 ] && kill -KILL "${found#/proc/}"
  done
done
"""
# $1 is an instance of tracefs.
END_INSTANCE = r"""
read -r released && exit
echo 0 > "$1/events/enable"
rmdir "$1"
"""


class Warden:
    def __init__(self, script, *arguments):
        self._starter = subprocess.Popen(["setsid", "--fork", "sh", "-c", script, "sh", *map(str, arguments)],
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        self._starter.wait()

    def release(self):
        """The test has ended by itself what the warden would have."""
        if self._starter.stdin.closed:
            return
        try:
            self._starter.stdin.write(b"released\n")
            self._starter.stdin.close()
        except BrokenPipeError:
            pass  # the warden is no longer there
