"""Judge a document of run_cases.py. One line a case: `ok NAME` or `FAIL NAME`, then why.

Exit status 0: every case ok, nobody innocent blamed, nothing invalid, the tracer ended well.
"""
import argparse
import json
import sys
from pathlib import Path

from cases import BY_NAME
from judge import Judge, load_validator
from limits import kernel_version, limits_of
from remote_cases import REMOTE_BY_NAME
from truth import truth_problems

ALL_CASES = {**BY_NAME, **REMOTE_BY_NAME}
SCHEMA = Path(__file__).resolve().parent.parent / "schema" / "incident.schema.json"


def judge_result(result, document, kernel):
    """Return (problems, notes) of one case."""
    case = ALL_CASES[result["name"]]
    if "truth" not in result:
        return [f"the case was not run: {result.get('failure', 'no tracer was ready')}"], []
    judge = Judge(case, result["truth"], limits_of(case, document["mode"], kernel))
    judge.skipped = "missed " in result.get("tracer", document).get("stderr", "")
    judge.problems += truth_problems(case, result["truth"])
    judge.case_result(result, document["kernel"])
    tracer = result.get("tracer")
    if tracer:
        judge.problems += tracer_problems(tracer)
        if not result["ended_by_itself"]:
            judge.problems.append("pipetrace -p did not end although its process is gone")
    return judge.problems, judge.notes


def tracer_problems(tracer):
    if "failure" in tracer:
        return [f"pipetrace: {tracer['failure']}\n{tracer['stderr']}"]
    problems = []
    if tracer["exit_status"] != 0:
        problems.append(f"pipetrace ended with status {tracer['exit_status']}:\n{tracer['stderr']}")
    if not tracer["stderr"].splitlines()[1:]:
        problems.append(f"no summary on stderr: {tracer['stderr']!r}")
    return problems


def schema_problems(document, validator):
    incidents = [*document["strays"],
                 *(incident for result in document["cases"] for incident in result["incidents"])]
    return [f"incident {incident.get('id')} is not valid: {error.json_path}: {error.message}"
            for incident in incidents for error in validator.iter_errors(incident)]


def stray_problems(document, closed_world):
    """Nobody else of the test's own processes may be blamed; in a closed world nobody at all."""
    problems = []
    for stray in document["strays"]:
        told = f"{stray['process']} {stray['endpoint']} {stray['verdict']['cause']}"
        if closed_world or stray["process"]["pid"] in document["own_pids"]:
            problems.append(f"stray incident: {told}")
        else:
            print(f"     another program's incident, not judged: {told}")
    return problems


def system_problems(document):
    """The system-wide tracer; absent where only cases of -p were asked for."""
    if "stderr" not in document:
        return []
    return tracer_problems(document)


def report(name, problems, notes):
    print("FAIL" if problems else "ok  ", name)
    for problem in problems:
        print(f"       {problem}")
    for _, reason in notes:
        print(f"     cannot know: {reason}")


def write_verdicts(path, verdicts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(verdicts, indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", required=True)
    parser.add_argument("--kernel", required=True, help="release, such as 6.12")
    parser.add_argument("--closed-world", action="store_true", help="nothing else ran on that machine")
    parser.add_argument("--require-schema", action="store_true",
                        help="fail where jsonschema is not installed")
    parser.add_argument("--verdicts", type=Path, metavar="FILE", help="write the verdicts here as JSON")
    parser.add_argument("file")
    return parser.parse_args()


def main():
    options = arguments()
    document = json.loads(Path(options.file).read_text(encoding="utf-8"))
    kernel = kernel_version(options.kernel)
    if document["mode"] != options.mode or kernel_version(document["kernel"]) != kernel:
        print(f"FAIL the document is of {document['mode']} on {document['kernel']}")
        return 1
    failed, verdicts = 0, {}
    for result in document["cases"]:
        problems, notes = judge_result(result, document, kernel)
        report(result["name"], problems, notes)
        verdicts[result["name"]] = {"problems": problems, "notes": notes}
        failed += bool(problems)
    general = system_problems(document) + stray_problems(document, options.closed_world)
    validator = load_validator(SCHEMA)
    if validator:
        general += schema_problems(document, validator)
    else:
        print("     jsonschema is not installed: the incidents were not validated")
        general += ["the schema check was required"] if options.require_schema else []
    if not document["cases"]:
        general.append("no case was run")
    report("in_general", general, [])
    if options.verdicts:
        write_verdicts(options.verdicts, {"kernel": document["kernel"], "mode": options.mode,
                                          "cases": verdicts, "general": general})
    print(f"{len(document['cases'])} cases, {failed} failed; ready after "
          f"{document.get('seconds_to_ready', 0) or 0:.3f} s, ended within "
          f"{document.get('seconds_to_exit', 0) or 0:.3f} s")
    return 1 if failed or general else 0


if __name__ == "__main__":
    sys.exit(main())
