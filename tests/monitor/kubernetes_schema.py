"""Checks Kubernetes objects against the published schema, strictly: as the models of Debian's
python3-kubernetes have it, which are generated from the schema of that release."""
import re

from kubernetes.client import models

# Where the generated models leave a type open.
SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": (str, int)}
CONTAINER = re.compile(r"(?:list|dict)[\[(](?:str, )?(.*)[\])]")


def model_of(document):
    """The model of a document by its apiVersion and kind: apps/v1 DaemonSet is V1DaemonSet."""
    version = str(document.get("apiVersion", "")).rsplit("/", 1)[-1]
    return f"{version[:1].upper()}{version[1:]}{document.get('kind')}"


def problems(value, kind, path=""):
    """Yield what is wrong with a value of that type of the schema."""
    if inner := CONTAINER.fullmatch(kind):
        wanted = list if kind.startswith("list") else dict
        if not isinstance(value, wanted):
            yield f"{path}: is no {wanted.__name__}"
            return
        items = enumerate(value) if wanted is list else value.items()
        for key, item in items:
            yield from problems(item, inner.group(1), f"{path}[{key}]")
    elif kind in SCALARS:
        is_bool = isinstance(value, bool)
        if not isinstance(value, SCALARS[kind]) or is_bool != (kind == "bool"):
            yield f"{path}: {value!r} is no {kind}"
    elif not hasattr(models, kind):
        yield f"{path}: the schema has no {kind}"
    elif not isinstance(value, dict):
        yield f"{path}: is no {kind}"
    else:
        yield from object_problems(value, getattr(models, kind), path)


def object_problems(value, model, path):
    types = {name: model.openapi_types[own] for own, name in model.attribute_map.items()}
    for name in value.keys() - types.keys():
        yield f"{path}.{name}: {model.__name__} has no such field"
    for name in value.keys() & types.keys():
        yield from problems(value[name], types[name], f"{path}.{name}")
    try:
        # The model itself refuses the want of a required field.
        model(**{own: value.get(name) for own, name in model.attribute_map.items()})
    except ValueError as error:
        yield f"{path}: {error}"
