"""Python stubs of TorchServe's inference API, built from the .proto file inside its jar."""

import importlib.resources
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import ts
from grpc_tools import protoc


def build(folder: Path) -> tuple[ModuleType, ModuleType]:
    """Compile the stubs; the messages and the services.

    Args:
        folder: Where the generated modules go; it is put on Python's path.
    """
    jar = Path(ts.__file__).parent / "frontend" / "model-server.jar"
    with zipfile.ZipFile(jar) as archive:
        (folder / "inference.proto").write_bytes(archive.read("proto/inference.proto"))
    google = importlib.resources.files("google")
    common = Path(str(google.joinpath("rpc"))).parent.parent
    built_in = importlib.resources.files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{folder}", f"-I{common}", f"-I{built_in}"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main([*arguments, *outputs, str(folder / "inference.proto")]) == 0
    sys.path.insert(0, str(folder))
    try:
        import inference_pb2
        import inference_pb2_grpc
    finally:
        sys.path.remove(str(folder))
    return inference_pb2, inference_pb2_grpc
