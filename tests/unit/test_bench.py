"""What `make bench` writes has its place in the pages."""

from tests.bench.__main__ import PARTS
from tests.bench.harness import DOCS, section
from tests.bench.peers.peers import versions


def test_pages_have_a_place_for_each_part_and_the_peers_a_version() -> None:
    for _, mark, page in PARTS.values():
        assert section(mark).search((DOCS / page).read_text(encoding="utf-8"))
    assert "?" not in versions().values()
    assert versions().keys() == {"confluent-kafka", "quixstreams", "Kafka Streams"}
