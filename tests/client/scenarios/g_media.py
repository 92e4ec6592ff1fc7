"""Media and files: histogram, table, plots, html, audio, video, point cloud, plotly, save, code; images with Pillow."""

import base64
import json
import os
import tempfile
import urllib.request
import wave

import numpy as np
import plotly.graph_objects as go
import wandb

folder = tempfile.mkdtemp()
os.chdir(folder)
os.makedirs("sub")
for name, data in {
    "train.py": b"print('code')\n", "saved.txt": b"saved file\n", "sub/ckpt.bin": bytes(range(256)) * 4,
    "film.mp4": b"\0\0\0\x18ftypmp42" + bytes(200), "model.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
}.items():  # fmt: skip
    with open(name, "wb") as file:
        file.write(data)
with wave.open("tone.wav", "wb") as sound:
    sound.setparams((1, 2, 8000, 0, "NONE", ""))
    sound.writeframes(bytes(1600))

rng = np.random.default_rng(0)
run = wandb.init(project="media-" + os.urandom(3).hex(), settings=wandb.Settings(code_dir=folder))
run.log({"hist": wandb.Histogram(rng.normal(size=1000))})
table = wandb.Table(columns=["x", "y"], data=[[i, i * i] for i in range(10)])
run.log({"table": table})
run.log({"line": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[i, i * i] for i in range(5)]), "x", "y")})
run.log({"html": wandb.Html("<b>hi</b><script>alert(1)</script>", inject=False)})
run.log({"sound": wandb.Audio("tone.wav"), "film": wandb.Video("film.mp4", format="mp4")})
run.log({"cloud": wandb.Object3D(rng.normal(size=(20, 3))), "solid": wandb.Object3D("model.obj")})
run.log({"figure": go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))})
try:
    import PIL  # noqa: F401
except ImportError:
    pass
else:
    picture = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    run.log({"img": wandb.Image(picture, caption="noise"), "imgs": [wandb.Image(picture), wandb.Image(picture)]})
run.log_code(folder)
run.save("saved.txt")
run.save("sub/*.bin", policy="end")
run.finish()

stored = wandb.Api().run(f"{run.entity}/{run.project}/{run.id}")
files = {file.name: file for file in stored.files()}
rows = list(stored.scan_history())
logged = {key: value for row in rows for key, value in row.items() if isinstance(value, dict) and "_type" in value}
assert {"hist", "table", "html", "sound", "film", "cloud", "solid", "figure"} <= logged.keys(), logged.keys()
assert sum(logged["hist"]["values"]) == 1000
for key, value in logged.items():
    for name in [value["path"]] if "path" in value else value.get("filenames", ()):
        assert name in files, (key, name, sorted(files))
        assert files[name].size == value.get("size", files[name].size), (key, name)


def fetched(name):
    return urllib.request.urlopen(urllib.request.Request(files[name].url, headers=AUTHORIZED))


AUTHORIZED = {"Authorization": "Basic " + base64.b64encode(f"api:{os.environ['WANDB_API_KEY']}".encode()).decode()}
assert json.load(fetched(logged["table"]["path"]))["data"] == [[i, i * i] for i in range(10)]
page = fetched(logged["html"]["path"])
assert b"<script>" in page.read()
assert page.headers["Content-Disposition"].startswith("attachment"), "a browser must not run it"
assert "html" not in page.headers["Content-Type"]
for key, kind in {"sound": "audio/", "film": "video/mp4"}.items():
    answer = fetched(logged[key]["path"])
    assert answer.headers["Content-Type"].startswith(kind), dict(answer.headers)
    assert answer.headers["Content-Disposition"].startswith("inline")
assert {"saved.txt", "sub/ckpt.bin", "config.yaml", "requirements.txt"} <= files.keys()
assert fetched("sub/ckpt.bin").read() == bytes(range(256)) * 4
artifacts = {artifact.name.partition(":")[0]: artifact.type for artifact in stored.logged_artifacts()}
assert artifacts[f"run-{run.id}-table"] == "run_table", artifacts
assert "code" in artifacts.values(), artifacts
