"""Start `troth serve --sample` of this environment, come in as a browser would, and look at its pages."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

PAGES = {"/": "One thing to do tomorrow", "/relationships": "maribelle", "/api/v1/close": '"day"'}

troth = str(Path(sys.executable).with_name("troth"))
command = [troth, "serve", "--sample", "--no-browser", "--port", "0"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:  # noqa: S603 - our own command
    try:
        address = next(
            found[0] for line in served.stderr or () if (found := re.search(r"http:\S+/in\?token=\S+", line))
        )
        base = address.partition("/in?")[0]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        while not json.load(browser.open(f"{base}/api/v1/health", timeout=60))["ready"]:
            time.sleep(1)
        browser.open(address, timeout=60).close()
        for path, words in PAGES.items():
            if words not in browser.open(base + path, timeout=60).read().decode():
                sys.exit(f"{path} does not say {words!r}")
    finally:
        served.terminate()
