"""The Kubernetes manifests: valid by the published schema, and what they ask for is what pipetrace needs."""
import copy
import unittest
from pathlib import Path

import yaml

from kubernetes_schema import model_of, problems

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "kubernetes"


def documents():
    return [(path.name, document) for path in sorted(FOLDER.glob("*.yaml"))
            for document in yaml.safe_load_all(path.read_text())]


def daemon_set():
    return copy.deepcopy(next(document for _, document in documents() if document["kind"] == "DaemonSet"))


def container(document):
    return document["spec"]["template"]["spec"]["containers"][0]


class Schema(unittest.TestCase):
    def test_every_manifest_is_valid(self):
        self.assertEqual([document["kind"] for _, document in documents()], ["Namespace", "DaemonSet"])
        for name, document in documents():
            self.assertEqual(list(problems(document, model_of(document))), [], name)

    def assert_refused(self, words, change):
        document = daemon_set()
        change(document)
        self.assertIn(words, "\n".join(problems(document, model_of(document))))

    def test_the_check_is_strict(self):
        self.assert_refused("hostPid: V1PodSpec has no such field",
                            lambda one: one["spec"]["template"]["spec"].update(hostPid=True))
        self.assert_refused("[0].readOnlyRootFileSystem", lambda one: container(one).update(readOnlyRootFileSystem=True))
        self.assert_refused("'yes' is no bool", lambda one: one["spec"]["template"]["spec"].update(hostPID="yes"))
        self.assert_refused("True is no int", lambda one: container(one)["ports"][0].update(containerPort=True))
        self.assert_refused("9435 is no str",
                            lambda one: one["spec"]["template"]["metadata"]["annotations"].update(port=9435))
        self.assert_refused("is no list", lambda one: container(one).update(args={"serve": None}))
        self.assert_refused("`name`", lambda one: container(one).pop("name"))
        self.assert_refused("`selector`", lambda one: one["spec"].pop("selector"))
        self.assert_refused("the schema has no V2DaemonSet", lambda one: one.update(apiVersion="apps/v2"))


class DaemonSet(unittest.TestCase):
    def test_names_agree(self):
        document = daemon_set()
        template = document["spec"]["template"]
        self.assertEqual(document["spec"]["selector"]["matchLabels"].items() - template["metadata"]["labels"].items(),
                         set())
        one = container(document)
        self.assertIn(f"container.apparmor.security.beta.kubernetes.io/{one['name']}", template["metadata"]["annotations"])
        self.assertEqual(template["metadata"]["annotations"]["prometheus.io/port"], str(one["ports"][0]["containerPort"]))
        self.assertEqual(one["livenessProbe"]["httpGet"], {"path": "/-/healthy", "port": one["ports"][0]["name"]})
        self.assertTrue(one["args"][-1].endswith(f":{one['ports'][0]['containerPort']}"))
        self.assertEqual({mount["name"] for mount in one["volumeMounts"]},
                         {volume["name"] for volume in template["spec"]["volumes"]})
        names = [document["metadata"]["name"] for _, document in documents() if document["kind"] == "Namespace"]
        self.assertEqual(names, [document["metadata"]["namespace"]])


if __name__ == "__main__":
    unittest.main()
