"""As much of kustomize as ``cluster/`` uses: resources, components, JSON patches, images.

It is no kustomize, which cannot be had here; what it does not know it refuses, so that no file of
``cluster/`` says something that no test reads.
"""

import re

import jsonpatch
import yaml

_KNOWN = {
    *("apiVersion", "kind", "namespace", "labels", "resources", "components"),
    *("patches", "images", "configMapGenerator"),
}


def build(folder):
    """Return the objects that a kustomization gives, as dictionaries."""
    return _build(folder.resolve(), [])


def _build(folder, objects):
    """Add what ``folder`` gives to ``objects``; a component changes what came before it."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(told) <= _KNOWN, f"{folder}: {set(told) - _KNOWN}"
    for name in told.get("resources", ()):
        path = folder / name
        if path.is_dir():
            objects = [*objects, *_build(path.resolve(), [])]
        else:
            objects = [*objects, *yaml.safe_load_all(path.read_text())]
    for name in told.get("components", ()):
        objects = _build((folder / name).resolve(), objects)
    for generated in told.get("configMapGenerator", ()):
        data = {}
        for file in generated["files"]:
            key, _, path = file.rpartition("=")
            data[key or path] = (folder / path).read_text()
        metadata = {"name": generated["name"], "labels": generated["options"].get("labels", {})}
        objects.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        )
    for patch in told.get("patches", ()):
        objects = _patched(folder, patch, objects)
    for image in told.get("images", ()):
        _rename(objects, image)
    if "namespace" in told:
        for each in objects:
            if each["kind"] != "Namespace":
                each["metadata"]["namespace"] = told["namespace"]
    return objects


def _patched(folder, patch, objects):
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text()
    steps, target = yaml.safe_load(text), patch["target"]
    hit = [_is_target(each, target) for each in objects]
    assert any(hit), f"{folder}: nothing is {target}"
    return [
        jsonpatch.apply_patch(each, steps) if mine else each
        for each, mine in zip(objects, hit, strict=True)
    ]


def _is_target(each, target):
    group, _, version = each["apiVersion"].rpartition("/")
    return (
        each["kind"] == target["kind"]
        and version == target["version"]
        and group == target.get("group", "")
        and re.fullmatch(target["name"], each["metadata"]["name"]) is not None
    )


def _rename(value, image):
    """Rename an image wherever a list of containers stands, as kustomize does."""
    if isinstance(value, dict):
        for container in value.get("containers", ()):
            name, _, tag = container["image"].partition(":")
            if name == image["name"]:
                new, tag = image.get("newName", name), image.get("newTag", tag)
                container["image"] = f"{new}:{tag}"
        for inner in value.values():
            _rename(inner, image)
    elif isinstance(value, list):
        for inner in value:
            _rename(inner, image)
