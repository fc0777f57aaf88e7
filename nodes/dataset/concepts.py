"""What fledgling knows by name: the emoji it learns and the words people use for them.

A small model learns a name from several thousand looks at it, so the list is short on purpose: one
drawing a name, the drawing most people would expect, and no names whose drawings disagree between
the sets.
"""

from typing import NamedTuple

#: Emoji label (as in emojibase) -> the words a caption may use for it, the most common first.
ANIMALS: dict[str, tuple[str, ...]] = {
    "cat face": ("cat face", "cat", "cat", "kitten"),
    "dog face": ("dog face", "dog", "dog", "puppy"),
    "fox": ("fox", "fox face"),
    "lion": ("lion", "lion face"),
    "tiger face": ("tiger", "tiger face"),
    "horse face": ("horse", "horse face"),
    "unicorn": ("unicorn",),
    "cow face": ("cow", "cow face"),
    "pig face": ("pig", "pig face"),
    "mouse face": ("mouse", "mouse face"),
    "rabbit face": ("rabbit", "bunny", "rabbit face"),
    "bear": ("bear", "bear face"),
    "panda": ("panda", "panda face"),
    "koala": ("koala",),
    "frog": ("frog", "frog face"),
    "monkey face": ("monkey", "monkey face"),
    "chicken": ("chicken",),
    "front-facing baby chick": ("chick", "baby chick"),
    "bird": ("bird",),
    "penguin": ("penguin",),
    "owl": ("owl",),
    "duck": ("duck",),
    "parrot": ("parrot",),
    "flamingo": ("flamingo",),
    "dolphin": ("dolphin",),
    "spouting whale": ("whale",),
    "tropical fish": ("fish", "tropical fish"),
    "shark": ("shark",),
    "octopus": ("octopus",),
    "crab": ("crab",),
    "turtle": ("turtle",),
    "snail": ("snail",),
    "butterfly": ("butterfly",),
    "honeybee": ("bee", "honeybee"),
    "lady beetle": ("ladybug", "ladybird"),
    "elephant": ("elephant",),
    "T-Rex": ("dinosaur", "t-rex"),
}

FACES: dict[str, tuple[str, ...]] = {
    "grinning face with smiling eyes": ("smiley", "smiling face", "happy face"),
    "loudly crying face": ("crying face", "sad face"),
    "enraged face": ("angry face",),
    "smiling face with sunglasses": ("face with sunglasses", "cool face"),
    "smiling face with heart-eyes": ("face with heart eyes", "face in love"),
    "robot": ("robot", "robot face"),
    "alien": ("alien",),
    "ghost": ("ghost",),
    "skull": ("skull",),
    "jack-o-lantern": ("pumpkin", "jack-o-lantern"),
    "snowman without snow": ("snowman",),
}

FOOD: dict[str, tuple[str, ...]] = {
    "red apple": ("apple",),
    "banana": ("banana",),
    "lemon": ("lemon",),
    "strawberry": ("strawberry",),
    "watermelon": ("watermelon",),
    "cherries": ("cherries",),
    "grapes": ("bunch of grapes", "grapes"),
    "pineapple": ("pineapple",),
    "tangerine": ("orange fruit", "tangerine"),
    "tomato": ("tomato",),
    "carrot": ("carrot",),
    "mushroom": ("mushroom",),
    "croissant": ("croissant",),
    "cheese wedge": ("cheese", "piece of cheese"),
    "hamburger": ("hamburger", "burger"),
    "french fries": ("fries", "french fries"),
    "pizza": ("pizza", "slice of pizza"),
    "cooking": ("fried egg", "frying pan with an egg"),
    "soft ice cream": ("ice cream",),
    "doughnut": ("donut", "doughnut"),
    "birthday cake": ("cake", "birthday cake"),
    "cupcake": ("cupcake",),
    "hot beverage": ("cup of coffee", "coffee"),
    "beer mug": ("beer", "mug of beer"),
}

VEHICLES: dict[str, tuple[str, ...]] = {
    "automobile": ("car",),
    "bus": ("bus",),
    "locomotive": ("train", "steam train"),
    "bicycle": ("bicycle", "bike"),
    "airplane": ("airplane", "plane"),
    "helicopter": ("helicopter",),
    "rocket": ("rocket", "space rocket"),
    "sailboat": ("sailboat", "boat"),
    "flying saucer": ("ufo", "flying saucer"),
}

NATURE: dict[str, tuple[str, ...]] = {
    "house": ("house",),
    "castle": ("castle",),
    "deciduous tree": ("tree",),
    "Christmas tree": ("christmas tree",),
    "palm tree": ("palm tree",),
    "cactus": ("cactus",),
    "sunflower": ("sunflower",),
    "rose": ("rose",),
    "tulip": ("tulip",),
    "cherry blossom": ("flower", "cherry blossom"),
    "sun": ("sun",),
    "crescent moon": ("moon", "crescent moon"),
    "star": ("star",),
    "cloud": ("cloud",),
    "rainbow": ("rainbow",),
    "fire": ("fire", "flame"),
    "snowflake": ("snowflake",),
    "high voltage": ("lightning bolt", "lightning"),
    "ringed planet": ("planet", "planet with a ring", "saturn"),
    "globe showing Americas": ("earth", "globe", "planet earth"),
}

THINGS: dict[str, tuple[str, ...]] = {
    "red heart": ("heart", "love heart"),
    "laptop": ("laptop", "laptop computer"),
    "desktop computer": ("computer", "desktop computer"),
    "camera": ("camera",),
    "light bulb": ("light bulb",),
    "guitar": ("guitar",),
    "balloon": ("balloon",),
    "wrapped gift": ("gift", "present", "gift box"),
    "crown": ("crown",),
    "top hat": ("top hat", "hat"),
    "umbrella": ("umbrella",),
    "soccer ball": ("soccer ball", "football"),
    "basketball": ("basketball",),
    "trophy": ("trophy",),
    "gem stone": ("diamond", "gem"),
    "key": ("key",),
    "bell": ("bell",),
    "alarm clock": ("alarm clock", "clock"),
    "video game": ("game controller", "gamepad"),
    "teddy bear": ("teddy bear",),
    "books": ("books", "stack of books"),
}

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "animal": ANIMALS,
    "face": FACES,
    "food": FOOD,
    "vehicle": VEHICLES,
    "nature": NATURE,
    "thing": THINGS,
}

#: Names that take no article ("a cherries" reads as no one writes).
PLURAL = frozenset({"cherries", "grapes", "fries", "french fries", "books", "coffee", "fire",
                    "lightning", "saturn", "cheese", "planet earth"})  # fmt: skip

#: Words of a style, by art set. Captions without one belong to the 3D look, so that it is the
#: default and sharp; the other sets are always called by their name.
STYLES: dict[str, tuple[str, ...]] = {
    "3d": ("pixar style", "3d style", "pixar style", "3d cartoon style"),
    "glossy": ("pixar style", "3d style", "3d cartoon style"),
    "flat": ("flat style", "flat design style"),
    "noto": ("noto style", "noto emoji style"),
}


class Concept(NamedTuple):
    """One thing the model learns: its emoji `label`, its `words` and its `group`."""

    label: str
    words: tuple[str, ...]
    group: str


def concepts() -> list[Concept]:
    """Every concept, in a fixed order."""
    return [
        Concept(label, words, group)
        for group, names in GROUPS.items()
        for label, words in names.items()
    ]
