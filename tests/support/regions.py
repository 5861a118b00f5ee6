"""Other Régions than that of the shipped file, as Insee's Code officiel géographique has them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

#: Of the files of 1 January 2025, some communes among all.
DEPARTMENTS: Final = """\
DEP,REG,CHEFLIEU,TNCC,NCC,NCCENR,LIBELLE
22,53,22278,4,COTES D ARMOR,Côtes-d'Armor,Côtes-d'Armor
29,53,29232,2,FINISTERE,Finistère,Finistère
35,53,35238,1,ILLE ET VILAINE,Ille-et-Vilaine,Ille-et-Vilaine
56,53,56260,0,MORBIHAN,Morbihan,Morbihan
2A,94,2A004,3,CORSE DU SUD,Corse-du-Sud,Corse-du-Sud
2B,94,2B033,3,HAUTE CORSE,Haute-Corse,Haute-Corse
974,04,97411,0,LA REUNION,La Réunion,La Réunion
"""
COMMUNES: Final = """\
TYPECOM,COM,REG,DEP,CTCD,ARR,TNCC,NCC,NCCENR,LIBELLE,CAN,COMPARENT
COM,2A001,94,2A,20R,2A1,1,AFA,Afa,Afa,2A04,
COM,2A004,94,2A,20R,2A1,1,AJACCIO,Ajaccio,Ajaccio,2A99,
COM,2B033,94,2B,20R,2B2,0,BASTIA,Bastia,Bastia,2B99,
COM,97411,04,974,974D,9741,0,SAINT DENIS,Saint-Denis,Saint-Denis,97499,
COM,97416,04,974,974D,9742,0,SAINT PIERRE,Saint-Pierre,Saint-Pierre,97499,
COMD,97499,,,,,0,ANCIENNE,Ancienne,Ancienne,,97416
"""
REGIONS: Final = """\
REG,CHEFLIEU,TNCC,NCC,NCCENR,LIBELLE
04,97411,0,LA REUNION,La Réunion,La Réunion
53,35238,0,BRETAGNE,Bretagne,Bretagne
94,2A004,0,CORSE,Corse,Corse
"""


class OtherRegion(NamedTuple):
    """A Région's code and name, the codes of its départements, and how its UAIs begin."""

    code: str
    name: str
    departments: tuple[str, ...]
    uai: tuple[str, ...]


BRETAGNE: Final = OtherRegion(
    "53", "Bretagne", ("22", "29", "35", "56"), ("022", "029", "035", "056")
)
CORSE: Final = OtherRegion("94", "Corse", ("2A", "2B"), ("620", "720"))
LA_REUNION: Final = OtherRegion("04", "La Réunion", ("974",), ("974",))


def code_officiel(folder: Path) -> tuple[Path, ...]:
    """Write the files of the Code officiel géographique to a folder, and return them."""
    texts = {"departements": DEPARTMENTS, "communes": COMMUNES, "regions": REGIONS}
    files = tuple(folder / f"cog_{name}.csv" for name in texts)
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return files
