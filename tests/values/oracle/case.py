"""Files of cases: how graphs, feeds and expected values are written as YAML.

A table opens a `File` and adds cases. Node text is YAML, written by hand in the table as a user would write it; the
placeholders come from the feeds. Nothing here depends on time, order of hashing or the machine.
"""

import re

import ml_dtypes
import numpy as np

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
LINE_WIDTH = 120

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SIGNED = INTEGERS[:4]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
NUMBERS = INTEGERS + FLOATS
EVERY = ["bool"] + NUMBERS
FLOAT8 = ["float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz"]
INT4 = ["int4", "uint4"]

FILES = []


def numpy_dtype(name):
    return np.dtype(getattr(ml_dtypes, name)) if name in ["bfloat16"] + FLOAT8 + INT4 else np.dtype(name)


def dtype_name(array):
    return np.asarray(array).dtype.name


def array(values, dtype):
    """`values` in the dtype called `dtype`; floats are rounded once, integers must fit."""
    if dtype not in FLOATS:
        return np.array(values, numpy_dtype(dtype))
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(numpy_dtype(dtype))


class Fed:
    """A feed whose placeholder is declared otherwise than with the array's own shape.

    `shape` is the YAML text of the declared shape; None leaves it out, so that the rank is unknown.
    """

    def __init__(self, values, shape=None):
        self.values, self.shape = np.asarray(values), shape


def number_text(value, dtype):
    """The shortest decimal that reads back as exactly `value`, through a double as well as directly."""
    if dtype == "bool":
        return "true" if value else "false"
    if dtype in INTEGERS + INT4:
        return str(int(value))
    if np.isnan(value):
        return ".nan"
    if np.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = str(np.float32(value)) if dtype == "float32" else repr(float(value))
    if dtype == "float32" and np.float32(float(text)) != value:
        text = repr(float(value))
    mantissa, e, exponent = text.partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + e + exponent


def value_text(values):
    """A tensor as a flow sequence, a scalar as itself."""
    values = np.asarray(values)
    if values.ndim == 0:
        return number_text(values[()], dtype_name(values))
    return "[" + ", ".join(value_text(v) for v in values) + "]"


def wrap(prefix, text, indent):
    """`prefix` and a flow collection, broken after commas so that lines stay within LINE_WIDTH."""
    lines, line = [], prefix
    for i, piece in enumerate(text.split(", ")):
        if i and len(line) + len(piece) + 3 > LINE_WIDTH:
            lines.append(line + ",")
            line = " " * indent + piece
        else:
            line += (", " if i else " ") + piece
    return lines + [line]


def key_text(name):
    """A name as a YAML key: quoted unless it is a word that nobody takes for something else."""
    word = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
    return name if word and name not in ("true", "false", "null", "yes", "no", "on", "off") else '"%s"' % name


def flow(mapping):
    return "{" + ", ".join("%s: %s" % (key_text(k), v) for k, v in mapping.items()) + "}"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shape_text(shape):
    return "[" + ", ".join(str(d) for d in shape) + "]"


def needs_shape(values):
    """Whether nested lists cannot tell the shape: a 0 that is followed by more dimensions."""
    return 0 in values.shape[:-1]


class File:
    """One data file, `path` within tests/values without its ending; `about` is what it guards, in one sentence."""

    def __init__(self, path, about, by="TensorFlow 2.21"):
        self.path, self.cases, self.names = path, [], set()
        self.head = "%s.yaml: %s Expected by %s." % (path, about, by)
        FILES.append(self)

    def case(
        self,
        name,
        nodes,
        feeds=None,
        expect=None,
        *,
        runs=None,
        top="",
        tolerance=0,
        ulps=None,
        stats=None,
        signed_zero=False,
        error=None,
        node=None,
        compile_error=None,
        properties=None,
        initialize=True
    ):
        """Adds a case.

        nodes          the nodes' YAML, one a line; placeholders of feeds that it does not declare are put before it
        feeds          name -> array or Fed
        expect         fetch -> array; their order is the order of the fetches
        runs           in place of feeds and expect: dicts with feeds, expect, targets, error, node
        top            YAML lines of the graph beside `nodes`
        tolerance      see README.md; also ulps and signed_zero
        stats          fetch -> dict of lists, for random numbers
        error, node    text of the run's message, and the node that it must name
        """
        assert name not in self.names, (self.path, name)
        self.names.add(name)
        every_run = runs if runs is not None else [dict(feeds=feeds or {}, expect=expect or {}, error=error, node=node)]
        out = ["- name: " + name, "  graph:"]
        out += ["    " + line for line in top.splitlines()]
        out += ["    nodes:"] + ["      " + line for line in self.node_lines(nodes, every_run)]
        if not initialize:
            out.append("  initialize: false")
        if runs is None:
            out += self.run_lines(every_run[0], "  ")
        else:
            out.append("  runs:")
            for run in runs:
                lines = self.run_lines(run, "    ")
                lines = lines or ["    expect: {}"]
                out += ["  - " + lines[0].lstrip()] + lines[1:]
        if stats:
            out.append("  expect_stats:")
            out += ["    %s: %s" % (k, flow(v)) for k, v in stats.items()]
        out += self.property_lines(every_run, properties)
        if compile_error is not None:
            out.append("  compile_error: " + quoted(compile_error))
        elif any(r.get("expect") for r in every_run) and not stats:
            out.append("  tolerance: " + ("0" if tolerance == 0 else number_text(tolerance, "float64")))
            if ulps:
                out.append("  ulps: %d" % ulps)
            if signed_zero:
                out.append("  signed_zero: true")
        self.cases.append("\n".join(out))

    def node_lines(self, nodes, runs):
        text = nodes if isinstance(nodes, str) else "\n".join(nodes)
        lines = [line for line in text.splitlines() if line.strip()]
        declared = {line.split(": ")[0].strip("\"' ") for line in lines if not line.startswith(" ")}
        for line in lines:
            declared.update(name for found in re.findall(r"outputs: \[([^]]*)\]", line) for name in found.split(", "))
        placeholders = []
        for run in runs:
            for name, fed in (run.get("feeds") or {}).items():
                if name in declared:
                    continue
                declared.add(name)
                fed = fed if isinstance(fed, Fed) else Fed(fed, shape_text(np.asarray(fed).shape))
                attributes = {"op": "placeholder", "dtype": dtype_name(fed.values)}
                if fed.shape is not None:
                    attributes["shape"] = fed.shape
                placeholders.append("%s: %s" % (key_text(name), flow(attributes)))
        return placeholders + lines

    @staticmethod
    def run_lines(run, indent):
        out = []
        for kind in ("feeds", "expect"):
            tensors = run.get(kind) or {}
            if tensors:
                out.append("%s%s:" % (indent, kind))
            for name, values in tensors.items():
                values = values.values if isinstance(values, Fed) else np.asarray(values)
                out += wrap("%s  %s:" % (indent, key_text(name)), value_text(values), len(indent) + 4)
        shapes = {}
        for kind in ("feeds", "expect"):
            for name, values in (run.get(kind) or {}).items():
                values = values.values if isinstance(values, Fed) else np.asarray(values)
                if needs_shape(values):
                    shapes[name] = shape_text(values.shape)
        if shapes:
            out.append("%sshape: %s" % (indent, flow(shapes)))
        if run.get("fetch"):
            out.append("%sfetch: [%s]" % (indent, ", ".join(run["fetch"])))
        if run.get("targets"):
            out.append("%stargets: [%s]" % (indent, ", ".join(run["targets"])))
        if run.get("error") is not None:
            out.append("%serror: %s" % (indent, quoted(run["error"])))
            if run.get("node"):
                out.append("%snode: %s" % (indent, key_text(run["node"])))
        return out

    @staticmethod
    def property_lines(runs, properties):
        dtypes = {}
        for run in runs:
            for name, values in (run.get("expect") or {}).items():
                dtypes.setdefault(name, dtype_name(values))
        out = wrap("  dtype:", flow(dtypes), 4) if dtypes else []
        return out + (["  properties: " + flow(properties)] if properties else [])

    def text(self):
        words, lines, line = self.head.split(), [], "#"
        for word in words:
            if len(line) + 1 + len(word) > LINE_WIDTH:
                lines.append(line)
                line = "#"
            line += " " + word
        return "\n".join(lines + [line]) + "\ncases:\n" + "\n".join(self.cases) + "\n"
