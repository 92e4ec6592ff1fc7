from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed, compressed files; relative imports between ES modules are rewritten too."""

    support_js_module_import_aggregation = True
