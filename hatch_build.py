"""Builds the compiled form of the load's loop; where no C compiler is, it is left out."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("wireproof/load/swarm/compiled_turn.pyx")
ROOM = Path("harness")


class CompiledLoop(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the extension into a wheel, or beside its source where that is installed in place."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it before the files are gathered."""
        built = compiled(Path(self.root) / ROOM / SOURCE)
        if built is None:
            self.app.display_warning(
                "the loop of `load` could not be compiled, and stays in Python"
            )
            return
        if version == "editable":
            shutil.copy(built, Path(self.root) / ROOM / SOURCE.parent)
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][str(built)] = str(SOURCE.parent / built.name)


def compiled(source: Path) -> Path | None:
    """Return the extension built from `source`, in a folder of its own; None where it can't be."""
    try:
        from Cython.Build import cythonize
        from setuptools import Distribution, Extension
        from setuptools.errors import BaseError, CCompilerError
    except ImportError as error:  # a build without isolation
        sys.stderr.write(f"{source.name}: {error}\n")
        return None
    folder = Path(tempfile.mkdtemp(prefix="wireproof-loop-"))
    copied = folder / source.name
    shutil.copy(source, copied)
    try:
        extensions = cythonize([Extension(source.stem, [str(copied)])], quiet=True)
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(folder), str(folder / "objects")
        command.ensure_finalized()
        command.run()
    except (BaseError, CCompilerError, OSError) as error:
        sys.stderr.write(f"{source.name}: {error}\n")
        return None
    return next(folder.glob(f"{source.stem}.*.so"), None)
