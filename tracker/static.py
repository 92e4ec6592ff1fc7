"""Static files: hashed names, compressed, served by the application itself."""

import fcntl
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What libraries ship beside the scripts that the site serves.
IGNORED = ["ext", "datasets", "templates", "widgetbundle.js"]


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Relative imports between ES modules are rewritten to hashed names too."""

    support_js_module_import_aggregation = True
    # One pass settles one level of the import tree.
    max_post_process_passes = 20


def collect_if_stale() -> None:
    """Bring STATIC_ROOT up to date, only if a source file is newer than what was collected.

    Of several processes that start at once one collects, the others wait for it.
    """
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with (manifest.parent / ".collecting").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _collect_if_stale(manifest)


def _collect_if_stale(manifest: Path) -> None:
    made = manifest.stat().st_mtime if manifest.exists() else 0.0
    sources = (Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list(IGNORED))
    if any(source.stat().st_mtime > made for source in sources):
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=IGNORED)
