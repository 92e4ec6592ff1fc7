#!/bin/sh
# Sees to a Chromium for the browser tests: a system one, else Debian's package, else Playwright's own.
set -eu
python=$1
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "test: installing chromium"
    apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "test: downloading Playwright's Chromium"
"$python" -m playwright install chromium
