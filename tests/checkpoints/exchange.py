"""Exchanges checkpoints between TensorFlow and tfcc, both ways; see exchange.sh."""

import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import ml_dtypes
import numpy as np
import tensorflow as tf2
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)

TFCC = os.path.abspath(sys.argv[1])
DTYPES = [np.float32, np.float64, np.int32, np.uint8, np.int16, np.int8, np.int64, np.bool_,
          ml_dtypes.bfloat16, np.uint16, np.float16, np.uint32, np.uint64]
SHAPES = [(), (3,), (2, 3), (0,), (2, 0, 3), (1, 2, 1, 3), (2, 1, 2, 1, 2), (1, 1, 2, 1, 1, 3), (1, 2, 1, 2, 1, 2, 1),
          (2, 1, 1, 2, 1, 1, 2, 1)]
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"FAILED: {what}")


def values(dtype, shape, seed):
    """Any bits, but for NaNs, whose payload a framework may change while it feeds them."""
    dtype = np.dtype(dtype)
    generator = np.random.RandomState(seed)
    if dtype == np.bool_:
        return generator.randint(0, 2, size=shape).astype(np.bool_)
    count = int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(generator.bytes(count * dtype.itemsize), dtype).reshape(shape).copy()
    if dtype.kind == "f" or dtype.name == "bfloat16":
        array[np.isnan(array)] = -0.0
    return array


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def every_kind():
    """Every dtype in every shape, under names as TensorFlow makes them."""
    return {f"scope_{np.dtype(dtype).name}/v{number}": values(dtype, shape, number * 31 + len(np.dtype(dtype).name))
            for dtype in DTYPES for number, shape in enumerate(SHAPES)}


def as_npy(array):
    return array.view(np.uint16) if array.dtype.name == "bfloat16" else array


def write_model(path, tensors):
    """A model whose variables begin with these values, from .npy files beside it."""
    folder = os.path.dirname(path)
    lines = ["graph: exchange", "nodes:"]
    for number, (name, array) in enumerate(tensors.items()):
        np.save(os.path.join(folder, f"value{number}.npy"), as_npy(array))
        lines.append(f"  {name}: {{op: variable, dtype: {array.dtype.name}, value: {{file: value{number}.npy}}}}")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def tfcc(*arguments):
    done = subprocess.run([TFCC, *arguments], capture_output=True, text=True)
    check(done.returncode == 0, f"tfcc {' '.join(arguments)}: {done.stderr}")


def read_outputs(folder, tensors):
    """What `tfcc run --output` wrote for these names."""
    result = {}
    for name, array in tensors.items():
        value = np.load(os.path.join(folder, name + ".npy"))
        result[name] = value.view(ml_dtypes.bfloat16) if array.dtype.name == "bfloat16" else value
    return result


def make_variables(tensors, use_resource):
    """name -> variable, all zeros."""
    return {name: tf.Variable(np.zeros(array.shape, array.dtype), name=name, use_resource=use_resource)
            for name, array in tensors.items()}


def restore_with_saver(prefix, tensors):
    with tf.Graph().as_default(), tf.Session() as session:
        variables = make_variables(tensors, use_resource=False)
        tf.train.Saver(variables).restore(session, prefix)
        return dict(zip(variables, session.run(list(variables.values()))))


def save_with_saver(prefix, tensors, use_resource, **options):
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as session:
        variables = {}
        for number, (name, array) in enumerate(tensors.items()):
            with tf.device(f"/cpu:{number % 3}"):
                variables.update(make_variables({name: array}, use_resource))
        for name, array in tensors.items():
            variables[name].load(array, session)
        return tf.train.Saver(variables, **options).save(session, prefix)


def tfcc_to_tensorflow(folder):
    tensors = every_kind()
    write_model(os.path.join(folder, "model.yaml"), tensors)
    prefix = os.path.join(folder, "saved", "m.ckpt")
    for save in range(3):  # the data file's name alternates
        tfcc("run", os.path.join(folder, "model.yaml"), "--fetch", next(iter(tensors)), "--save", prefix)
        restored = restore_with_saver(prefix, tensors)
        for name, array in tensors.items():
            check(same(restored[name], array), f"TensorFlow restores {name} of save {save}")
        reader = tf.train.load_checkpoint(prefix)
        check(sorted(reader.get_variable_to_shape_map()) == sorted(tensors), "the list of names")
        check(tf.train.latest_checkpoint(os.path.dirname(prefix)) == prefix, "latest_checkpoint")
    first = os.path.join(folder, "first")
    tfcc("run", os.path.join(folder, "model.yaml"), "--fetch", next(iter(tensors)), "--save", first)
    save_with_saver(os.path.join(folder, "theirs"), tensors, False, sharded=False)
    for suffix in (".index", ".data-00000-of-00001"):
        with open(first + suffix, "rb") as ours, open(os.path.join(folder, "theirs" + suffix), "rb") as theirs:
            check(ours.read() == theirs.read(), f"the first save is the same file: {suffix}")


def tensorflow_to_tfcc(folder):
    tensors = every_kind()
    write_model(os.path.join(folder, "model.yaml"), {name: np.zeros_like(array) for name, array in tensors.items()})
    for number, (use_resource, sharded) in enumerate([(False, False), (True, False), (False, True), (True, True)]):
        prefix = save_with_saver(os.path.join(folder, f"saver{number}"), tensors, use_resource, sharded=sharded)
        output = os.path.join(folder, f"output{number}")
        tfcc("run", os.path.join(folder, "model.yaml"), "--restore", prefix, "--output", output)
        for name, array in read_outputs(output, tensors).items():
            check(same(array, tensors[name]), f"tfcc restores {name}, sharded={sharded}")


def partitioned_to_tfcc(folder):
    tensors = {"rows": values(np.float32, (11, 4), 1), "columns": values(np.int32, (3, 300), 2),
               "middle": values(np.float64, (2, 7, 3), 3)}
    axes = {"rows": (0, 3), "columns": (1, 4), "middle": (1, 5)}
    with tf.Graph().as_default(), tf.Session() as session:
        for name, array in tensors.items():
            axis, parts = axes[name]
            tf.get_variable(name, shape=array.shape, dtype=array.dtype, initializer=tf.zeros_initializer(),
                            partitioner=tf.fixed_size_partitioner(parts, axis=axis))
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            info = variable._save_slice_info
            part = tuple(slice(o, o + s) for o, s in zip(info.var_offset, info.var_shape))
            variable.load(tensors[info.full_name][part], session)
        prefix = tf.train.Saver().save(session, os.path.join(folder, "parts"))
    write_model(os.path.join(folder, "model.yaml"), {name: np.zeros_like(array) for name, array in tensors.items()})
    output = os.path.join(folder, "output")
    tfcc("run", os.path.join(folder, "model.yaml"), "--restore", prefix, "--output", output)
    for name, array in read_outputs(output, tensors).items():
        check(same(array, tensors[name]), f"tfcc puts {name} together")


def many_both_ways(folder):
    """An index of several blocks."""
    tensors = {f"tower/block_{i * 7919 % 10007:05d}/a_variable_with_a_long_name": np.array(i, np.int32)
               for i in range(4000)}
    lines = ["nodes:"] + [f"  {name}: {{op: variable, value: {value}}}" for name, value in tensors.items()]
    model = os.path.join(folder, "model.yaml")
    with open(model, "w") as file:
        file.write("\n".join(lines) + "\n")
    prefix = os.path.join(folder, "ours")
    tfcc("run", model, "--fetch", next(iter(tensors)), "--save", prefix)
    reader = tf.train.load_checkpoint(prefix)
    for name, value in tensors.items():
        check(same(reader.get_tensor(name), value), f"TensorFlow reads {name}")
    output = os.path.join(folder, "output")
    tfcc("run", model, "--restore", prefix, "--output", output)
    for name, array in read_outputs(output, tensors).items():
        check(same(array, tensors[name]), f"tfcc reads {name}")


def object_checkpoint_to_tfcc(folder):
    """TensorFlow 2's checkpoints have strings beside the variables; values are taken from them by name."""
    array = values(np.float32, (4, 2), 9)
    script = ("import sys, numpy as np, tensorflow as tf\n"
              "tf.train.Checkpoint(w=tf.Variable(np.load(sys.argv[1]))).write(sys.argv[2])\n")
    np.save(os.path.join(folder, "w.npy"), array)
    subprocess.run([sys.executable, "-c", script, os.path.join(folder, "w.npy"), os.path.join(folder, "two")],
                   check=True, capture_output=True)
    model = os.path.join(folder, "model.yaml")
    with open(model, "w") as file:
        file.write("nodes:\n  w: {op: constant, value: {checkpoint: two, tensor: w/.ATTRIBUTES/VARIABLE_VALUE}}\n")
    tfcc("run", model, "--output", os.path.join(folder, "output"))
    check(same(read_outputs(os.path.join(folder, "output"), {"w": array})["w"], array), "a TensorFlow 2 checkpoint")


def main():
    print(f"TensorFlow {tf2.__version__}")
    for exchange in (tfcc_to_tensorflow, tensorflow_to_tfcc, partitioned_to_tfcc, many_both_ways,
                     object_checkpoint_to_tfcc):
        with tempfile.TemporaryDirectory() as folder:
            before = checks
            exchange(folder)
            print(f"{exchange.__name__}: {checks - before} checks")


main()
