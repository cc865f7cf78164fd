#!/usr/bin/env python3
"""Times tfcc against its peers on the same models, in one interleaved run on the same cores.

    python3 -m venv peers && peers/bin/pip install onnx==1.17.0 onnxruntime openvino numpy
    peers/bin/python tests/bench/compare.py BUILD [--threads N] [--rounds N] [--match TEXT] [--mcpu NAME]

BUILD is a folder in which tfcc has been built. Every engine reads the same ONNX file with random weights, gets the same
input, and gives an output equal to ONNX Runtime's to 1e-4 of its largest element. In each round every engine runs for about
half a second in a process of its own on the same cores, in turn; a figure is the median over the rounds of the rounds' medians,
in microseconds. The ratio is the fastest peer's time over tfcc's: above 1 tfcc is faster.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import compare_models

LEAST_SECONDS, LEAST_RUNS = 0.5, 10


def timed(run):
    """The median of one engine's round in microseconds."""
    for _ in range(3):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - begin < LEAST_SECONDS:
        start = time.perf_counter()
        run()
        times.append(1e6 * (time.perf_counter() - start))
    return statistics.median(times)


def onnxruntime_round(model, x, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output(session.get_outputs()[0].name)
    median = timed(lambda: session.run_with_iobinding(binding))
    return median, binding.copy_outputs_to_cpu()[0]


def openvino_round(model, x, threads):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                 "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
    median = timed(request.infer)
    return median, np.array(request.get_output_tensor(0).data)


PEERS = {"ONNX Runtime": onnxruntime_round, "OpenVINO": openvino_round}


def tfcc_round(tfcc, graph, data, threads, options):
    command = [tfcc, "bench", graph, "--feed", "x=@" + data, "--json", "--threads", str(threads)] + options
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median_us"]


def peer_round(peer, model, data, threads, result):
    command = [sys.executable, __file__, "--round", peer, model, data, str(threads), result]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def check_outputs(tfcc, graph, data, folder, expected, options):
    """tfcc's output against the first peer's."""
    for old in pathlib.Path(folder).glob("out/*.npy"):
        old.unlink()
    command = [tfcc, "run", graph, "--feed", "x=@" + data, "--output", str(folder / "out")] + options
    subprocess.run(command, check=True, capture_output=True)
    (written,) = pathlib.Path(folder).glob("out/*.npy")
    ours = np.load(written)
    error = float(np.abs(ours - expected).max() / np.abs(expected).max())
    if ours.shape != expected.shape or not error < 1e-4:
        raise SystemExit("%s: the outputs differ: %s, %s, error %g" % (graph, ours.shape, expected.shape, error))
    return error


def compare(name, make, arguments, folder):
    tfcc = os.path.join(arguments.build, "bin", "tfcc")
    options = ["--mcpu", arguments.mcpu] if arguments.mcpu else []
    model, graph = make(str(folder / "model.onnx")), str(folder / "model.yaml")
    subprocess.run([tfcc, "import", model, "-o", graph], check=True)
    import onnx

    dims = onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    data = str(folder / "x.npy")
    np.save(data, np.random.default_rng(1).normal(size=[d.dim_value for d in dims]).astype(np.float32))
    figures = {engine: [] for engine in ["tfcc", *PEERS]}
    for round_number in range(arguments.rounds):
        for engine in figures:
            if engine == "tfcc":
                figures[engine].append(tfcc_round(tfcc, graph, data, arguments.threads, options))
            else:
                result = str(folder / (engine + ".npy"))
                figures[engine].append(peer_round(engine, model, data, arguments.threads, result))
    expected = np.load(str(folder / (next(iter(PEERS)) + ".npy")))
    error = check_outputs(tfcc, graph, data, folder, expected, options)
    medians = {engine: statistics.median(times) for engine, times in figures.items()}
    ratio = min(medians[peer] for peer in PEERS) / medians["tfcc"]
    print("%6.2f  %-38s" % (ratio, name) + "".join("%14.0f" % medians[e] for e in figures) + "   error %.1e" % error, flush=True)
    return ratio


def one_round(peer, model, data, threads, result):
    median, output = PEERS[peer](model, np.load(data), int(threads))
    np.save(result, output)
    print(median)


def main():
    if sys.argv[1:2] == ["--round"]:
        return one_round(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--match", default="")
    parser.add_argument("--mcpu")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.threads :])
    processor = [line for line in open("/proc/cpuinfo") if line.startswith("model name")]
    print("%s, %d thread%s, medians in us" % (processor[0].split(":")[1].strip() if processor else "?", arguments.threads,
                                             "" if arguments.threads == 1 else "s"))
    print(" ratio  %-38s" % "model" + "".join("%14s" % e for e in ["tfcc", *PEERS]))
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in compare_models.MODELS.items():
            if arguments.match.lower() in name.lower():
                ratios.append(compare(name, make, arguments, pathlib.Path(folder)))
    if ratios:
        print("%6.2f  geometric mean, %d of %d at least as fast as the fastest peer"
              % (math.exp(statistics.fmean(map(math.log, ratios))), sum(r >= 1 for r in ratios), len(ratios)))


if __name__ == "__main__":
    main()
