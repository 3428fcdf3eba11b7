"""interpreter.py SOCKET: runs Python scripts for the tests of this package,
each in a process of its own, forked from this one, which has imported the
libraries that the scripts need: that takes longer than what they do.

A connection carries one request, a line {"argv": [SCRIPT or "-c", ...]}, and one
answer, {"code", "stdout", "stderr"}. A connection that ends without an answer is
that of a script that crashed.
"""
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import traceback

import confluent_kafka  # noqa: F401
import minio  # noqa: F401
import numpy  # noqa: F401
import pandas  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch  # noqa: F401
import torch_geometric.data  # noqa: F401
import torch_geometric.nn.models  # noqa: F401


def run(argv):
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


def answer(connection):
    """The forked process: runs one script and ends."""
    argv = json.loads(connection.makefile("r", encoding="utf-8").readline())["argv"]
    files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
    for file, fd in zip(files, (1, 2)):
        os.dup2(file.fileno(), fd)
    code = 0
    try:
        run(argv)
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode("utf-8", "replace"))
    connection.sendall(json.dumps({"code": code, "stdout": texts[0], "stderr": texts[1]}).encode())


def serve(path):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                try:
                    answer(connection)
                finally:
                    os._exit(0)
            connection.close()


serve(sys.argv[1])
