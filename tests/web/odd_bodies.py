"""Bodies of odd parts, which every reader of JSON has to read alike."""

import orjson
from hypothesis import strategies as st

from tests.web.values import blanks, json_values

KEYS = [
    b"url", b"payload", b"run_after", b"timeout", b"retry_delay", b"max_retries", b"priority", b"category",
    b"URL", b"Payload", b"\\u0075rl", b"u\xffrl", b"other", b"", b"\\ud800", b"a\nb",
]  # fmt: skip
STRINGS = [
    b'""', b'"u"', b'"\x7f"', b'"\x00"', b'"a\nb"', b'"\x1f"', b'"\t"', b'"\xff"', b'"\xed\xa0\x80"',
    b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\\u00e9\\/\\b\\f\\n\\r\\t\\"\\\\"', b'"\\x"', b'"\\a"',
    b'"\\u12"', b'"\\u+123"', b'"\\u12g4"', b'"\\u1_23"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\ud800"',
    b'"\\ud83d\\ude00"', b'"\\ud83dx"', b'"\\ud83d\\u0041"', b'"\\u0000"', b"'a'", b'"a', b'"\\', b'"a"b"',
]  # fmt: skip
NUMBERS = [
    b"0", b"-0", b"00", b"01", b"-01", b"1", b"-1", b"+1", b"1.", b".5", b"1.0", b"-0.0", b"1e3", b"1E+5",
    b"1e", b"1E+", b"1e400", b"-1e400", b"1e5.5", b"-", b"0x1", b"1_0", b"4294967295", b"4294967296",
    b"18446744073709551616", b"9223372036854775807", b"1" * 400, b"1." + b"1" * 500, b"NaN", b"Infinity",
    b"-Infinity", b"nan", b"1 2", b"\xd9\xa1",
]  # fmt: skip
OTHERS = [
    b"true", b"false", b"null", b"tru", b"truex", b"nul", b"", b"[]", b"{}", b"[1,]", b"[,1]", b"[1 2]",
    b"[1", b"{", b"[}", b'{"a":1,}', b"{a:1}", b'{"a" 1}', b"{1:2}", b'{"\\ud800":1}', b'{"\xff":1}',
    b'{"a\nb":1}', b"[\x0b1]", b"[\x0c1]", b"[\xc2\xa01]", b"[1]/*x*/",
    b'[{"a":[null,"\\ud83d\\ude00",-0.0e-0]}]', b"[NaN]", b'["a\x00"]', b"[-]", b"[" * 500 + b"]" * 500,
    b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
]  # fmt: skip
CORPUS = [*STRINGS, *NUMBERS, *OTHERS]

values = st.sampled_from(CORPUS) | json_values.map(orjson.dumps)


def member(key: bytes, value: bytes, before: bytes, after: bytes) -> bytes:
    """Write a member with blanks where they may stand."""
    return b'%s"%s"%s:%s%s%s' % (before, key, after, before, value, after)


members = st.lists(st.builds(member, st.sampled_from(KEYS), values, blanks, blanks), max_size=6)
bodies = st.builds(
    lambda head, items, comma, end: head + b"{" + comma.join(items) + end,
    st.sampled_from([b"", b"", b"", b" ", b"\n", b"\xef\xbb\xbf", b"[", b"\x00"]),
    members,
    st.sampled_from([b",", b",", b",", b" , ", b",,", b";"]),
    st.sampled_from([b"}", b"}", b"}", b"} \n", b"} x", b",}", b"", b"}]", b"}\x00"]),
)
