"""Bodies of the pull side: what is taken, and that both readers are of one mind (contract pull §2.3)."""

import time
import tracemalloc

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.web.odd_bodies import CORPUS, member
from tests.web.values import blanks, json_values
from trioworq.core.errors import InvalidRequest
from trioworq.core.pull import PullOrder, Run
from trioworq.web.pull import exact, quick
from trioworq.web.pull.orders import Reader
from trioworq.web.replies import BodyTooLarge

READER = Reader(3)
MINIMAL = b'{"id":"1","queue":"q","timeout":30}'


def with_members(*sources: bytes) -> bytes:
    """Write a job with these members, beside those that it has to have."""
    return b",".join([MINIMAL[:-1], *sources]) + b"}"


def order(**given: object) -> PullOrder:
    """Return the minimal job, changed."""
    return PullOrder(**{"queue": "q", "key": "1", "payload": b"null", "timeout_s": 30, **given})  # type: ignore[arg-type]


TAKEN = {
    MINIMAL: order(),
    b' {\n"id" : "1", "queue": "q", "timeout": 30 } \r\n': order(),
    with_members(b'"payload":{ "b" : 1.0, "a":1e400, "a":"\\u00e9" }'): order(
        payload=b'{ "b" : 1.0, "a":1e400, "a":"\\u00e9" }'
    ),
    with_members(b'"payload":null,"state":null,"run_at":null,"priority":null'): order(),
    with_members(b'"payload":"id","state":["queue",{"id":"\\"timeout\\""}]'): order(
        payload=b'"id"', saved_state=b'["queue",{"id":"\\"timeout\\""}]'
    ),
    with_members(b'"max_retries":-1,"priority":-1000000'): order(max_retries=-1, priority=-1_000_000),
    with_members(b'"max_retries":2147483647,"priority":1000000'): order(
        max_retries=2**31 - 1, priority=1_000_000
    ),
    with_members(b'"run_at":"2026-11-22T08:05:17.087Z"'): order(run_at_ms=1_795_334_717_087),
    with_members(b'"run_at":"1795334717"'): order(run_at_ms=1_795_334_717_000),
    with_members(b'"other":1,"other":2,"ID":"x","Queue":null'): order(),
    b'{"\\u0069d":"1","queue":"q","timeout":30}': order(),
    b'{"id":"","queue":"\\u00e9\\n","timeout":-2147483648}': order(key="", queue="é\n", timeout_s=-(2**31)),
    b'{"id":"%b","queue":"%b","timeout":0}' % (b"i" * 255, "é".encode() * 127): order(
        key="i" * 255, queue="é" * 127, timeout_s=0
    ),
    with_members(b'"payload":"\\ud800"'): order(payload=b'"\\ud800"'),
    with_members('"payload":"é💥"'.encode()): order(payload='"é💥"'.encode()),
}

REFUSED = [
    (b"", "EOF"),
    (b"  ", "EOF"),
    (b"null", "expected a job"),
    (b"[]", "expected a job"),
    (b"[%b]" % MINIMAL, "expected a job"),
    (b'"x"', "expected a job"),
    (b"{}", "missing field `id`"),
    (b'{"id":"1","timeout":30}', "missing field `queue`"),
    (b'{"id":"1","queue":"q"}', "missing field `timeout`"),
    (b'{"ID":"1","queue":"q","timeout":30}', "missing field `id`"),
    (MINIMAL + b"x", "trailing"),
    (MINIMAL + b"{}", "trailing"),
    (MINIMAL[:-1], "EOF"),
    (b"\xef\xbb\xbf" + MINIMAL, ""),
    (b'{"id":1,"queue":"q","timeout":30}', "a string for `id`"),
    (b'{"id":null,"queue":"q","timeout":30}', "a string for `id`"),
    (b'{"id":"1","queue":null,"timeout":30}', "a string for `queue`"),
    (b'{"id":"1","queue":"q","timeout":null}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":"30"}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":30.0}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":3e1}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":true}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":2147483648}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":-2147483649}', "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":%b}' % (b"9" * 5000), "`timeout`"),
    (b'{"id":"1","queue":"q","timeout":NaN}', "NaN"),
    (with_members(b'"max_retries":null'), "`max_retries`"),
    (with_members(b'"max_retries":1.0'), "`max_retries`"),
    (with_members(b'"priority":1000001'), "`priority`"),
    (with_members(b'"priority":-1000001'), "`priority`"),
    (with_members(b'"priority":"5"'), "`priority`"),
    (with_members(b'"run_at":1795334717'), "a string for `run_at`"),
    (with_members(b'"run_at":"2026-11-22"'), "run_at should be"),
    (with_members(b'"run_at":""'), "run_at should be"),
    (with_members(b'"id":"1"'), "duplicate field `id`"),
    (with_members(b'"\\u0069d":"1"'), "duplicate field `id`"),
    (with_members(b'"timeout":30'), "duplicate field `timeout`"),
    (with_members(b'"payload":1,"payload":1'), "duplicate field `payload`"),
    (with_members(b'"payload":null,"payload":1'), "duplicate field `payload`"),
    (with_members(b'"state":1,"state":null'), "duplicate field `state`"),
    (with_members(b'"payload":[1,]'), "invalid JSON"),
    (with_members(b'"payload":"a\nb"'), "Invalid control character at character"),
    (with_members(b'"payload":"\xff"'), "invalid unicode"),
    (with_members(b'"other":"\xff"'), "invalid unicode"),
    (b'{"id":"\xff","queue":"q","timeout":30}', "invalid unicode"),
    (b'{"id":"\\ud800","queue":"q","timeout":30}', "id is not valid UTF-8"),
    (b'{"id":"1","queue":"\\udc00","timeout":30}', "queue is not valid UTF-8"),
    (b'{"id":"a\\u0000b","queue":"q","timeout":30}', "id contains a NUL"),
    (b'{"id":"1","queue":"\\u0000","timeout":30}', "queue contains a NUL"),
    (b'{"id":"1","queue":"","timeout":30}', "1 to 255 bytes"),
    (b'{"id":"%b","queue":"q","timeout":30}' % (b"i" * 256), "0 to 255 bytes"),
    (b'{"id":"1","queue":"%b","timeout":30}' % ("é".encode() * 128), "1 to 255 bytes"),
    (with_members(b'"payload":' + b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
    (with_members(*[b'"other":1'] * 1000), "more than 1000 members"),
]


@pytest.mark.parametrize("body", TAKEN, ids=lambda body: ascii(body[:50]))
def test_a_job_is_read(body: bytes) -> None:
    """Blanks, unknown fields, nulls where they may be, and payloads of any kind."""
    assert READER.order(body) == TAKEN[body]
    assert READER.orders(b"[%b, %b]" % (body, MINIMAL)) == [TAKEN[body], order()]


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=lambda part: ascii(part[:50]))
def test_what_is_no_job_is_refused(body: bytes, why: str) -> None:
    """In words that begin as the original's, alone and in an array."""
    with pytest.raises(InvalidRequest, match=r"^Json deserialize error: ") as refusal:
        READER.order(body)
    assert why in str(refusal.value)
    with pytest.raises(InvalidRequest, match=r"^Json deserialize error: "):
        READER.orders(b"[%b,%b]" % (MINIMAL, body))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", MINIMAL, b'"x"', b"[] x", b"[,]", b"[1]", b"[[]]", b"["]
)
def test_what_is_no_array_of_jobs_is_refused(body: bytes) -> None:
    """As a whole."""
    with pytest.raises(InvalidRequest, match=r"^Json deserialize error: "):
        READER.orders(body)


def test_an_array_may_have_no_job_and_not_too_many() -> None:
    """More than fit into a batch are another error."""
    assert READER.orders(b"[]") == READER.orders(b" [ ]\n") == []
    assert READER.orders(b"[%b,%b,%b]" % (MINIMAL, MINIMAL, MINIMAL)) == [order()] * 3
    for odd in (b"", b'"other":1'):
        jobs = b",".join([with_members(odd) if odd else MINIMAL] * 4)
        with pytest.raises(BodyTooLarge, match="at most 3 jobs"):
            READER.orders(b"[%b]" % jobs)


@pytest.mark.parametrize(
    ("run_id", "run"),
    [(b"", None), (b',"run_id":null', None), (b',"run_id":"7-1"', Run(7, 1)), (b',"run_id":"x"', Run(0, 0))],
)
def test_a_rescheduling_may_name_its_run(run_id: bytes, run: Run | None) -> None:
    """As what was fetched does; the rest is a job as any."""
    state = b',"state":{"page": 7}'
    assert READER.rescheduling(MINIMAL[:-1] + state + run_id + b"}") == (
        order(saved_state=b'{"page": 7}'),
        run,
    )


@pytest.mark.parametrize("run_id", [b'"run_id":7', b'"run_id":"7-1","run_id":"7-1"'])
def test_an_odd_run_is_refused_where_it_counts(run_id: bytes) -> None:
    """In a rescheduling; elsewhere it is a field that nobody knows."""
    with pytest.raises(InvalidRequest, match="run_id"):
        READER.rescheduling(with_members(run_id))
    assert READER.order(with_members(run_id)) == order()


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b"", None),
        (b"null", b"null"),
        (b' { "a" : 1.0 } \n', b'{ "a" : 1.0 }'),
        (b'"\\ud800"', b'"\\ud800"'),
        ('"é"'.encode(), '"é"'.encode()),
        (b"1e400", b"1e400"),
    ],
)
def test_a_state_is_taken_as_it_is(body: bytes, state: bytes | None) -> None:
    """Any JSON, to the byte; no body is none."""
    assert READER.saved_state(body) == state


@pytest.mark.parametrize("body", [b" ", b"{", b"1 2", b"nul", b"\xff", b'"\xff"', b"[" * 100_000, b"NaN"])
def test_a_state_that_is_no_json_is_refused(body: bytes) -> None:
    """Rather than taken for none (contract pull §2.5)."""
    with pytest.raises(InvalidRequest, match=r"^Json deserialize error: "):
        READER.saved_state(body)


KEYS = [
    b"id", b"queue", b"timeout", b"max_retries", b"payload", b"state", b"run_at", b"priority", b"ID",
    b"\\u0069d", b"other", b"", b"i\xffd", b"\\ud800", b"p\\u0061yload",
]  # fmt: skip
values = (
    st.sampled_from(CORPUS)
    | json_values.map(orjson.dumps)
    | st.sampled_from(
        [b'"id"', b'"1"', b'"q"', b"30", b"-1", b'"2026-11-22T08:05:17Z"', b'"1795334717"', b'"\\""']
    )
)
required = st.tuples(
    st.builds(
        member, st.just(b"id"), st.sampled_from([b'"1"', b'"id"', b'"\\u00e9"', b'"a\\"b"']), blanks, blanks
    ),
    st.builds(member, st.just(b"queue"), st.sampled_from([b'"q"', b'"queue"']), blanks, blanks),
    st.builds(member, st.just(b"timeout"), st.sampled_from([b"30", b"-0", b"2147483647"]), blanks, blanks),
)
more = st.lists(st.builds(member, st.sampled_from(KEYS), values, blanks, blanks), max_size=4)
jobs = st.builds(
    lambda required, more, comma, end: b"{" + comma.join([*required, *more]) + end,
    required,
    more,
    st.sampled_from([b",", b",", b",", b" , ", b",,", b";"]),
    st.sampled_from([b"}", b"}", b"}", b" } \n", b"} x", b",}", b""]),
)


def outcome(body: bytes, *, is_batch: bool, is_exact: bool) -> object:
    """Return what a body is read as, or why it is refused."""
    try:
        if is_batch:
            return exact.read_orders(body, 3) if is_exact else READER.orders(body)
        return exact.read_order(body) if is_exact else READER.order(body)
    except (InvalidRequest, BodyTooLarge) as error:
        return str(error)


@given(jobs, st.lists(jobs, max_size=4))
@example(with_members(b'"payload":"id","payload":1'), [])
@example(with_members(b'"payload":"\\"","id":"1"'), [])
@example(with_members(b'"run_at":null,"run_at":"1"'), [])
def test_both_readers_are_of_one_mind(job: bytes, others: list[bytes]) -> None:
    """Whatever keys, values, blanks and ends come together, alone or in an array."""
    assert outcome(job, is_batch=False, is_exact=False) == outcome(job, is_batch=False, is_exact=True)
    batch = b"[" + b",".join([job, *others]) + b"]"
    assert outcome(batch, is_batch=True, is_exact=False) == outcome(batch, is_batch=True, is_exact=True)


@given(jobs, st.data())
def test_a_changed_byte_means_the_same_to_both(body: bytes, data: st.DataObject) -> None:
    """One byte replaced by any other, anywhere."""
    at = data.draw(st.integers(0, len(body) - 1))
    body = body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :]
    assert outcome(body, is_batch=False, is_exact=False) == outcome(body, is_batch=False, is_exact=True)


@given(st.binary(max_size=40) | values)
def test_both_readers_of_states_are_of_one_mind(body: bytes) -> None:
    """The quick one takes nothing that the exact one would not."""
    try:
        read: object = exact.read_value(body)
    except InvalidRequest:
        read = None
    assert quick.read_value(body) in (None, read)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_usual_bodies_are_read_quickly(separators: tuple[str, str]) -> None:
    """What clients really send is not left to the exact reader: dense and spaced, with all fields and few."""
    comma, colon = (part.encode() for part in separators)
    payload = b'{"text":"say \\"id\\"","n":[1,2]}'
    few = [b'"id"' + colon + b'"1"', b'"queue"' + colon + b'"q"', b'"timeout"' + colon + b"30"]
    parts = [
        b'"payload"' + colon + payload,
        b'"run_at"' + colon + b'"2026-11-22T08:05:17Z"',
        b'"priority"' + colon + b"5",
    ]
    for members in (few, [*few, *parts]):
        body = b"{" + comma.join(members) + b"}"
        assert quick.read_order(body) == exact.read_order(body)
        assert quick.OrdersReader(2).read(b"[" + body + comma + body + b"]") == [exact.read_order(body)] * 2


def test_a_large_payload_is_read_without_making_anything_of_it() -> None:
    """Sixteen megabytes of tiny arrays hold the loop for a moment, whichever reader has them."""
    payload = b"[" + b"[]," * 5_500_000 + b"1]"
    for more in (b"", b',"other":1'):
        body = MINIMAL[:-1] + b',"payload":' + payload + more + b"}"
        started_at = time.process_time()
        assert READER.order(body).payload == payload
        assert time.process_time() - started_at < 0.5


def test_millions_of_jobs_are_refused_without_making_them() -> None:
    """Reading ends where the limit does."""
    body = b"[" + b",".join([MINIMAL] * 100_000) + b"]"
    reader = quick.OrdersReader(1000)
    tracemalloc.start()
    try:
        assert reader.read(body) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
