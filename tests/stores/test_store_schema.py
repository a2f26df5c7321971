"""The version of the schema, on every store."""

from trioworq.stores.interface import Store


async def test_an_opened_store_has_the_schema_that_is_needed(store: Store) -> None:
    """Opening brings it up to date."""
    schema = await store.schema()
    assert schema.found == schema.needed
    assert schema.is_right
