"""Makes the checkpoints in tests/checkpoints/data with TensorFlow itself (2.21), and a description of each.

    python3 tests/checkpoints/generate.py

NAME.expect has one line for each tensor: its name, dtype, rank, sizes, and its bytes in hexadecimal (`-` for none). Tests read the
checkpoints and compare; they write the same tensors and compare the files byte for byte.
"""

import os
import shutil
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import ml_dtypes
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

DTYPES = [
    np.float32, np.float64, np.int32, np.uint8, np.int16, np.int8, np.int64, np.bool_,
    ml_dtypes.bfloat16, np.uint16, np.float16, np.uint32, np.uint64,
    ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn, ml_dtypes.int4, ml_dtypes.uint4,
]


def values(dtype, shape, seed=1):
    """Different bits in every element, whatever they mean; bools are 0 and 1, 4-bit integers in their range."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    generator = np.random.RandomState(seed + 7 * len(shape))
    if dtype == np.bool_:
        return generator.randint(0, 2, size=shape).astype(np.bool_)
    if dtype.name in ("int4", "uint4"):
        low, high = (-8, 8) if dtype.name == "int4" else (0, 16)
        return generator.randint(low, high, size=shape).astype(dtype)
    raw = generator.randint(0, 256, size=count * dtype.itemsize).astype(np.uint8)
    return np.frombuffer(raw.tobytes(), dtype).reshape(shape)


def write_expectation(name, tensors):
    with open(os.path.join(FOLDER, name + ".expect"), "w") as file:
        for key in sorted(tensors):
            value = tensors[key]
            sizes = "".join(f" {size}" for size in value.shape)
            file.write(f"{key} {value.dtype.name} {value.ndim}{sizes} {value.tobytes().hex() or '-'}\n")


def save(name, tensors, subset=None):
    """Saves variables with these values; they are initialised through placeholders, so that the graph stays small."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {}
        for key, value in tensors.items():
            feed = tf.placeholder(value.dtype, value.shape)
            variable = tf.Variable(feed, name="v", validate_shape=True, use_resource=False)
            session.run(variable.initializer, {feed: value})
            variables[key] = variable
        tf.train.Saver(variables).save(session, os.path.join(FOLDER, name), write_meta_graph=False, write_state=False)
    write_expectation(name, tensors)


def save_raw(name, tensors):
    """SaveV2 as an op, for dtypes that variables do not have; in the order of the arguments."""
    with tf.Graph().as_default(), tf.Session() as session:
        feeds = [tf.placeholder(value.dtype, value.shape) for value in tensors.values()]
        op = tf.raw_ops.SaveV2(
            prefix=os.path.join(FOLDER, name), tensor_names=list(tensors),
            shape_and_slices=[""] * len(tensors), tensors=feeds)
        session.run(op, dict(zip(feeds, tensors.values())))
    write_expectation(name, {k: v for k, v in tensors.items() if v.dtype != object})


def save_partitioned(name):
    """Partitions along the first and the second axis, beside a variable in one piece."""
    tensors = {
        "rows": values(np.float32, (10, 4)),
        "columns": values(np.int16, (3, 200, 2)),
        "uneven": values(np.float64, (7,)),
        "whole": values(np.int32, (2, 2)),
    }
    partitioners = {
        "rows": tf.fixed_size_partitioner(3),
        "columns": tf.fixed_size_partitioner(4, axis=1),
        "uneven": tf.fixed_size_partitioner(5),
        "whole": None,
    }
    with tf.Graph().as_default(), tf.Session() as session:
        for key, value in tensors.items():
            tf.get_variable(key, shape=value.shape, dtype=value.dtype, partitioner=partitioners[key],
                            initializer=tf.zeros_initializer(), use_resource=False)
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            info = variable._save_slice_info
            if info is None:
                part = tensors[variable.op.name]
            else:
                part = tensors[info.full_name][tuple(
                    slice(o, o + s) for o, s in zip(info.var_offset, info.var_shape))]
            session.run(tf.assign(variable, part))
        tf.train.Saver().save(session, os.path.join(FOLDER, name), write_meta_graph=False, write_state=False)
    write_expectation(name, tensors)


def save_sharded(name):
    """One data file for each of three devices."""
    tensors = {f"on{device}/{key}": values(np.float32, (2, 3), device * 10 + ord(key))
               for device in range(3) for key in "abc"}
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 3})) as session:
        for key, value in tensors.items():
            with tf.device(f"/cpu:{key[2]}"):
                tf.Variable(value, name=key, use_resource=False)
        session.run(tf.global_variables_initializer())
        tf.train.Saver(sharded=True).save(session, os.path.join(FOLDER, name), write_meta_graph=False, write_state=False)
    write_expectation(name, tensors)


def save_states():
    """State files as Saver writes them: relative and absolute, with characters that are escaped."""
    for folder, prefix in (("state", "m.ckpt"), ("state_escaped", 'it\'s "x"\\\t\u00e9')):
        path = os.path.join(FOLDER, folder)
        os.makedirs(path)
        here = os.getcwd()
        os.chdir(path)
        with tf.Graph().as_default(), tf.Session() as session:
            tf.Variable(3, name="a", use_resource=False)
            session.run(tf.global_variables_initializer())
            saver = tf.train.Saver(max_to_keep=2)
            for step in range(3):
                saver.save(session, prefix, global_step=step, write_meta_graph=False)
        os.chdir(here)
        for file in os.listdir(path):
            if file != "checkpoint":
                os.remove(os.path.join(path, file))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    save("scalar", {"a": np.int32(3).reshape(())})
    save("ranks", {f"rank{rank}": values(np.float32, (1, 2) * (rank // 2) + (3,) * (rank % 2)) for rank in range(9)})
    save("empty", {"none": np.zeros((0,), np.float32), "rows": np.zeros((0, 3), np.int64),
                   "middle": np.zeros((2, 0, 5), np.bool_), "one": values(np.uint8, (1,))})
    save_raw("dtypes", {np.dtype(dtype).name: values(dtype, (2, 3)) for dtype in sorted(DTYPES, key=lambda d: np.dtype(d).name)})
    save_raw("unordered", {"z": values(np.float32, (3,)), "a": values(np.int32, (2, 2)), "m": values(np.uint8, (5,))})
    strings = np.array(["ab", "", "h\u00e9llo"], dtype=object)
    save_raw("strings", {"before": values(np.int32, (2,)), "text": strings, "complex": values(np.complex64, (2,)),
                         "word": values(np.int64, (1,))})
    save("names", {f"model/layer_{i:03d}/{part}": np.int32(i).reshape(()) for i in range(30)
                   for part in ("kernel", "kernel/Adam", "bias", "\u00fcber")})
    save_partitioned("partitioned")
    save_sharded("sharded")
    save_states()
    many = {f"block{i * 7919 % 10007:05d}/a_rather_long_name_for_a_variable/{i}": np.int32(i).reshape(()) for i in range(5000)}
    save_raw("many", {key: many[key] for key in sorted(many)})
    index = open(os.path.join(FOLDER, "many.index"), "rb").read()
    with open(os.path.join(FOLDER, "many.sum"), "w") as file:
        file.write(f"{len(index)} {zlib.crc32(index)}\n")
    for file in ("many.index", "many.data-00000-of-00001", "many.expect"):
        os.remove(os.path.join(FOLDER, file))


main()
