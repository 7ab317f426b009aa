"""Files that are no hand-in, one row each: as text and as bytes."""

import gzip
import json

from global_optimality.exact.hand_in import MAX_BYTES, NETWORK

DEEP = "[" * 100_000
HOSTILE = {
    "nothing": "",
    "no-json": "import os; os.system('touch owned')",
    "pickle": "\x80\x04cposix\nsystem\n(S'touch owned'\ntR.",
    "another-kind": '{"format": "something else"}',
    "list": "[]",
    "deep": DEEP,
    "deep-network": f'{{"format": "{NETWORK}", "U": {DEEP}',
    "nan": f'{{"format": "{NETWORK}", "U": [[NaN, 0, 0]], "V": [[1]], "b": [0]}}',
    "infinite": f'{{"format": "{NETWORK}", "U": [[1e999, 0, 0]], "V": [[1]], "b": [0]}}',
    "overflow": f'{{"format": "{NETWORK}", "U": [[1e308, 0, 0]], "V": [[1e308]], "b": [0]}}',
    "text": f'{{"format": "{NETWORK}", "U": [["1", 0, 0]], "V": [[1]], "b": [0]}}',
    "true": f'{{"format": "{NETWORK}", "U": [[true, 0, 0]], "V": [[1]], "b": [0]}}',
    "shape": f'{{"format": "{NETWORK}", "U": [[1, 0]], "V": [[1]], "b": [0]}}',
    "ragged": f'{{"format": "{NETWORK}", "U": [[1, 0, 0], [1]], "V": [[1], [1]], "b": [0]}}',
    "key": f'{{"format": "{NETWORK}", "U": [[1, 0, 0]], "V": [[1]], "b": [0], "lam": 1e-9}}',
    "bias": f'{{"format": "{NETWORK}", "U": [[1, 0, 0]], "V": [[1]], "b": [0], "a": [1]}}',
    "free-bias": f'{{"format": "{NETWORK}", "U": [[1, 0, 0]], "V": [[1]], "b": [1]}}',
    "digits": f'{{"format": "{NETWORK}", "U": [[{"9" * 9999}, 0, 0]], "V": [[1]], "b": [0]}}',
    "large": " " * (MAX_BYTES + 1),
    "twice": f'{{"format": "{NETWORK}", "U": [[1, 0, 0]], "V": [[1]], "b": [0], "U": []}}',
    "null": "null",
    "cut-off": f'{{"format": "{NETWORK}", "U": [[1, 0, 0]], "V": [[1]]',
    "two": f'{{"format": "{NETWORK}", "U": [], "V": [], "b": [0]}} {{}}',
    "format-elsewhere": f'{{"note": "{NETWORK}", "U": [], "V": [], "b": [0]}}',
    "format-in-a-list": f'{{"format": ["{NETWORK}"], "U": [], "V": [], "b": [0]}}',
    "rational": f'{{"format": "{NETWORK}", "U": [["1/0", 0, 0]], "V": [[1]], "b": [0]}}',
    "nested-just-so": f'{{"format": "{NETWORK}", "U": {"[" * 985}{"]" * 985}, "V": [[1]], "b": [0]}}',
    "objects": f'{{"format": "{NETWORK}", "U": ' + '{"a":' * 900 + "1" + "}" * 900 + ', "V": [[1]], "b": [0]}',
    "units": f'{{"format": "{NETWORK}", "U": [{"[1,0,0]," * 5000}[1,0,0]], "V": [{"[1]," * 5000}[1]], "b": [0]}}',
    "row": f'{{"format": "{NETWORK}", "U": [[{"0," * 10**5}0]], "V": [[1]], "b": [0]}}',
    "escapes": f'{{"format": "{NETWORK}", "U": [["\\u001b[2J\\u202e"]], "V": [[1]], "b": [0]}}',
    "lone-surrogate": f'{{"format": "{NETWORK}", "\\ud800": 1, "U": [], "V": [], "b": [0]}}',
}

BYTES = {
    "utf-16": json.dumps({"format": NETWORK}).encode("utf-16"),
    "pickle": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "gzip": gzip.compress(bytes(10**7)),
    "zip": b"PK\x03\x04" + bytes(100),
    "numpy": b"\x93NUMPY\x01\x00v\x00",
}
