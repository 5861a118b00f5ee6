"""The 1 287 communes and arrondissements of Île-de-France, by INSEE code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from events.identifiers import Department

PARIS_AS_A_WHOLE = "75056"
"""Paris as one commune; its 20 arrondissements (75101 to 75120) have codes of their own."""

# The last three digits, as single numbers and ranges. Source: Insee, Code officiel géographique
# (region 11; Open Licence).
_NUMBERS = {
    Department.PARIS: "56 101-120",
    Department.SEINE_ET_MARNE: """
        1-16 18-27 29-63 65-73 75-91 93-104 106-148 150-159 161-165 167-169 171-188 190-212
        214-298 300-323 325-333 335-345 347-350 352-361 363-374 376-398 400-421 423-487
        489-490 492-496 498 500-501 504-534
    """,
    Department.YVELINES: """
        3 5-7 9-10 13 15 20 29-31 33-34 36 43 48-50 53 57 62 68 70-73 76-77 82 84 87 89-90
        92 96 104 107-108 113 117-118 120 123-126 128 133 138 140 143 146-147 152 158 160
        162-165 168 171-172 185 188-190 192-194 196 202 206 208-209 217 220 224 227 230-231
        233-234 236-239 242 245-246 255 261-265 267 269 276 278 281 283 285 289-291 296-297
        299-300 302 305 307 310-311 314 317 320-322 324-325 327 329 334-335 337 343-344 346
        349-350 354 356 358 361-362 364 366-368 372 380-385 389 391 396-398 401-404 406-407
        410 413 415-418 420 423 431 437 439-440 442-444 451 455 460 464-466 470 472 474-475
        478 481 484 486 490 497-499 501-502 505-506 513 516-518 520 522 528 530-531 536-537
        545 548 550-551 557-559 561-562 564-565 567 569 571 575-576 586 588 590-591 597 601
        605-606 608-609 615-616 618 620-621 623-624 638 640 642-644 646-647 650 653 655 668
        672 674 677 681 683 686 688
    """,
    Department.ESSONNE: """
        1 16-17 21-22 27 35 37-38 41 44-45 47 64 67 69 75 79-81 85-86 93 95 97-100 103
        105-106 109 111-112 114-115 121-122 129-132 135-137 145 148 156 159 161 174-175
        179-180 184 186 191 195 198 200-201 204 207 215-216 223 225-226 228 232 235 240
        243-244 247-249 272-275 284 286 292-294 312 315 318-319 326 330 332-333 338-340 345
        347 359 363 374 376-378 386 390 393 399 405 408 411-412 414 421 425 432-435 441
        457-458 461 463 468-469 471 473 477 479 482 494-495 507-508 511 514 519 521 525-526
        533-534 538 540 544 546-547 549 552-553 556 560 568 570 573 577-579 581 587 589 593
        599-600 602 613 617 619 629-631 634-635 639 645 648-649 654 657 659 661-662 665-667
        671 679 685 687 689 691-692
    """,
    Department.HAUTS_DE_SEINE: (
        "2 4 7 9 12 14 19-20 22-26 32-33 35-36 40 44 46-51 60 62-64 71-73 75-78"
    ),
    Department.SEINE_SAINT_DENIS: (
        "1 5-8 10 13-15 27 29-33 39 45-51 53 55 57 59 61-64 66 70-74 77-79"
    ),
    Department.VAL_DE_MARNE: (
        "1-4 11 15-19 21-22 28 33-34 37-38 41-44 46-48 52-56 58-60 65 67-71 73-81"
    ),
    Department.VAL_D_OISE: """
        2 8 11-12 14 18-19 23-24 26 28 39-40 42 46 51-52 54-56 58-61 63 74 78 88 91 94
        101-102 110 116 119-120 127 134 139 141-142 144 149-151 154 157 166 169-170 176-177
        181 183 197 199 203 205 210-214 218-219 229 241 250 252-254 256-258 268 270-271 277
        280 287-288 295 298 301 303-304 306 308-309 313 316 323 328 331 341 348 351-353 355
        365 369-371 379 387-388 392 394-395 409 422 424 426-430 436 438 445-447 450 452 456
        459 462 476 480 483 487-489 491-493 500 504 509-510 523 527 529 535 539 541 543
        554-555 563 566 572 574 580 582 584-585 592 594 598 604 607 610-612 625 627-628 633
        637 641 651-652 656 658 660 675-676 678 680 682 690
    """,
}


def _codes(department: Department, numbers: str) -> tuple[str, ...]:
    bounds = [part.split("-") for part in numbers.split()]
    return tuple(
        f"{department.value}{number:03d}"
        for first, *last in bounds
        for number in range(int(first), int(last[0] if last else first) + 1)
    )


COMMUNES: Mapping[Department, tuple[str, ...]] = MappingProxyType(
    {department: _codes(department, numbers) for department, numbers in _NUMBERS.items()}
)
"""Codes by département, in ascending order."""

MERGED_INTO: Mapping[str, str] = MappingProxyType(
    {
        "77028": "77433",
        "77149": "77109",
        "77399": "77504",
        "78251": "78551",
        "78503": "78320",
        "78524": "78158",
        "91182": "91228",
        "91222": "91390",
        "93059": "93066",
        "95282": "95169",
    }
)
"""Communes that merged since 2017 → the one whose code remains (Insee)."""


def counted_within_others(codes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the codes missing from a full list of communes, each with the codes that count it.

    A merged commune is counted in its successor, and Paris in its arrondissements or vice versa.
    """
    for former, successor in MERGED_INTO.items():
        if successor in codes and former not in codes:
            yield former, successor
    whole, *arrondissements = COMMUNES[Department.PARIS]
    present = [code for code in arrondissements if code in codes]
    if whole in codes and not present:
        yield from ((code, whole) for code in arrondissements)
    elif present and whole not in codes:
        yield whole, present[0]
