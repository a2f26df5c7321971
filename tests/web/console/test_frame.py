"""What all pages share."""

from tests.web.face import Face


async def test_the_overview_is_a_page(face: Face) -> None:
    """It comes with the layout."""
    answer = await face.client.get("/console")
    assert answer.status_code == 200, answer.text
    assert "<h1>Overview</h1>" in answer.text
    assert "trioworq_csrf" in answer.headers["set-cookie"]
