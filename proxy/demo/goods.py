"""What the demo's shop sells. Invented, like the shop; every text in its two languages, prices in euro cents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """One text, said in German and in English."""

    de: str
    en: str

    def in_(self, lang: str) -> str:
        return self.de if lang == "de" else self.en


@dataclass(frozen=True, slots=True)
class Good:
    """One thing on the shelf. `slug` names its page and its picture."""

    slug: str
    cents: int
    name: Said
    line: Said
    text: Said
    size: Said


GOODS: tuple[Good, ...] = (
    Good(
        "mug",
        2800,
        Said("Becher Frühnebel", "Mug Early Mist"),
        Said("Für den ersten Kaffee, bevor jemand spricht.", "For the first coffee, before anyone speaks."),
        Said(
            "Auf der Scheibe gedreht, einmal in helle Asche-Glasur getaucht. Der Henkel fasst drei Finger; der Rand "
            "ist so dünn, wie es der Ton erlaubt.",
            "Thrown on the wheel and dipped once in pale ash glaze. The handle takes three fingers; the rim is as thin "
            "as the clay allows.",
        ),
        Said("320 ml · 9,5 cm hoch", "320 ml · 9.5 cm high"),
    ),
    Good(
        "bowl",
        3400,
        Said("Teeschale Kiesel", "Tea Bowl Pebble"),
        Said("Liegt in zwei Händen wie ein Stein vom Fluss.", "Sits in two hands like a stone from the river."),
        Said(
            "Ohne Henkel, mit hohem Fuß, damit die Finger kühl bleiben. Seladon-Glasur, die im Feuer grün wird.",
            "No handle, but a tall foot that keeps the fingers cool. Celadon glaze that turns green in the fire.",
        ),
        Said("250 ml · 12 cm Durchmesser", "250 ml · 12 cm across"),
    ),
    Good(
        "teapot",
        11800,
        Said("Teekanne Halbmond", "Teapot Half Moon"),
        Said("Gießt, ohne zu tropfen. Wir haben lange geübt.", "Pours without a drip. We practised."),
        Said(
            "Schwarzer Ton, innen glasiert, außen roh. Der Bügel ist aus Eschenholz gebogen und lässt sich abnehmen.",
            "Black clay, glazed within and raw without. The handle is bent from ash wood and comes off for washing.",
        ),
        Said("900 ml · Sieb aus Ton", "900 ml · clay strainer"),
    ),
    Good(
        "plate",
        3600,
        Said("Teller Feldrand", "Plate Field's Edge"),
        Said("Flach, weit und ein wenig uneben, wie ein Acker.", "Flat, wide and a little uneven, like a field."),
        Said(
            "Ein Speiseteller mit ungeglasiertem Rand. Stapelt sich gut und verträgt die Spülmaschine.",
            "A dinner plate with an unglazed edge. Stacks well and does not mind the dishwasher.",
        ),
        Said("27 cm Durchmesser", "27 cm across"),
    ),
    Good(
        "dish",
        6400,
        Said("Schüssel Mulde", "Serving Bowl Hollow"),
        Said("Salat für sechs oder Teig für einen Sonntag.", "Salad for six, or dough for one Sunday."),
        Said(
            "Groß genug zum Kneten, schön genug für den Tisch. Kobaltblau, außen dunkler als innen.",
            "Large enough to knead in, fair enough for the table. Cobalt blue, darker without than within.",
        ),
        Said("3,2 l · 31 cm Durchmesser", "3.2 l · 31 cm across"),
    ),
    Good(
        "vase",
        5200,
        Said("Vase Schilf", "Vase Reed"),
        Said("Für drei Halme. Mehr braucht sie nicht.", "For three stems. It needs no more."),
        Said(
            "Enger Hals, runder Bauch, oben in Salbei getaucht. Wasserdicht gebrannt bei 1260 °C.",
            "Narrow neck, round belly, dipped in sage at the top. Fired watertight at 1260 °C.",
        ),
        Said("24 cm hoch", "24 cm high"),
    ),
    Good(
        "candle",
        2900,
        Said("Leuchter Abend", "Candle Holder Dusk"),
        Said("Fängt das Wachs und hält das Licht.", "Catches the wax and holds the light."),
        Said(
            "Terrakotta mit breitem Teller, für gewöhnliche Stabkerzen. Die Kerze liegt bei.",
            "Terracotta with a wide saucer, for ordinary candles. One candle is included.",
        ),
        Said("16 cm Durchmesser", "16 cm across"),
    ),
    Good(
        "cups",
        4800,
        Said("Drei kleine Becher", "Three Small Cups"),
        Said("Für Espresso, Sake oder Zahnbürsten.", "For espresso, sake or toothbrushes."),
        Said(
            "Ein Satz in den drei Glasuren der Werkstatt: Asche, Seladon, Erde. Jeder fällt ein wenig anders aus.",
            "A set in the workshop's three glazes: ash, celadon, earth. Each comes out a little different.",
        ),
        Said("je 90 ml", "90 ml each"),
    ),
)

BY_SLUG = {good.slug: good for good in GOODS}


def price(cents: int, lang: str) -> str:
    """An amount as the language writes it: "28,00 €", "€28.00"."""
    return f"{cents // 100},{cents % 100:02d} €" if lang == "de" else f"€{cents // 100:,}.{cents % 100:02d}"
