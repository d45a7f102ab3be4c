"""The words for what a critter is: what captions are written with and prompts are read by. Standard library only."""

from __future__ import annotations

Phrases = dict[str, tuple[str, ...]]

SPECIES: Phrases = {
    "creature": (
        "creature",
        "creature",
        "monster",
        "critter",
        "animal",
        "character",
        "beast",
    ),
    "bird": ("bird", "bird", "birdie", "chick", "songbird"),
    "cat": ("cat", "cat", "kitty", "kitten", "feline"),
    "dog": ("dog", "dog", "puppy", "doggy", "pup"),
    "bunny": ("bunny", "bunny", "rabbit", "bunny rabbit", "hare"),
    "bear": ("bear", "bear", "teddy bear", "bear cub"),
    "lion": ("lion", "lion", "lion cub"),
    "frog": ("frog", "frog", "toad", "froggy"),
    "robot": ("robot", "robot", "android", "bot", "droid"),
    "dragon": ("dragon", "dragon", "drake", "baby dragon"),
    "octopus": ("octopus", "octopus", "squid", "kraken"),
    "fish": ("fish", "fish", "fishy", "goldfish"),
}

COLORS: Phrases = {
    "red": ("red", "red", "red", "scarlet", "crimson", "ruby"),
    "orange": ("orange", "orange", "orange", "tangerine"),
    "yellow": ("yellow", "yellow", "yellow", "golden", "lemon yellow"),
    "green": ("green", "green", "green", "emerald", "lime green"),
    "teal": ("teal", "teal", "turquoise", "cyan", "aqua"),
    "blue": ("blue", "blue", "blue", "azure", "navy", "cobalt"),
    "purple": ("purple", "purple", "violet", "lilac"),
    "pink": ("pink", "pink", "pink", "magenta", "rosy"),
    "brown": ("brown", "brown", "brown", "chocolate", "chestnut"),
    "black": ("black", "black", "black", "jet black", "ebony"),
    "white": ("white", "white", "white", "ivory", "snow white"),
    "gray": ("gray", "grey", "gray", "grey", "silver"),
}

SHAPES: Phrases = {
    "round": ("round", "round", "spherical", "ball-shaped", "rotund", "chubby"),
    "tall": ("tall", "tall", "lanky", "slender", "slim"),
    "wide": ("wide", "wide", "broad", "squat", "stocky"),
    "pear": ("pear-shaped", "pear shaped", "bottom-heavy"),
}

SIZES: Phrases = {
    "small": ("small", "small", "tiny", "little", "mini"),
    "medium": ("medium-sized", "medium sized", "medium", "mid-sized"),
    "large": ("large", "big", "huge", "giant", "enormous"),
}

EXPRESSIONS: Phrases = {
    "happy": ("happy", "happy", "smiling", "cheerful", "joyful", "grinning", "merry"),
    "sad": ("sad", "sad", "crying", "unhappy", "gloomy", "tearful", "miserable"),
    "angry": ("angry", "angry", "grumpy", "furious", "annoyed", "mad"),
    "surprised": ("surprised", "surprised", "shocked", "amazed", "astonished", "startled", "wide-eyed"),
    "sleepy": ("sleepy", "sleepy", "drowsy", "tired", "half asleep"),
    "silly": ("silly", "silly", "goofy", "cheeky", "wacky"),
}

# Said after the noun instead.
EXPRESSION_PHRASES: Phrases = {
    "happy": ("with a smile", "with a big smile", "with a wide grin"),
    "sad": ("with a tear", "in tears"),
    "angry": ("with an angry face", "gritting its teeth"),
    "surprised": ("with its mouth wide open", "in shock"),
    "sleepy": ("about to fall asleep", "with drooping eyelids"),
    "silly": ("with its tongue out", "sticking its tongue out", "sticking out its tongue"),
}

PATTERN_ADJECTIVES: Phrases = {
    "plain": ("plain", "solid-colored", "solid coloured", "unpatterned"),
    "stripes": ("striped", "striped", "stripy"),
    "spots": ("spotted", "spotted", "dotted", "spotty", "polka-dotted"),
    "belly": ("pale-bellied", "light-bellied"),
    "hearts": ("heart-patterned", "heart patterned"),
    "two-tone": ("two-tone", "two-toned", "bicolored", "bicoloured", "two-colored", "two-coloured"),
}

PATTERN_NOUNS: Phrases = {
    "plain": ("no pattern",),
    "stripes": ("stripes", "stripes", "bold stripes", "a striped pattern"),
    "spots": ("spots", "spots", "polka dots", "dots", "a spotted pattern"),
    "belly": ("a pale belly", "a light belly", "a belly patch", "a pale tummy", "a light tummy"),
    "hearts": ("hearts", "hearts", "a heart pattern"),
    "two-tone": ("a two-tone pattern", "a two-tone body"),
}

ACCESSORIES: Phrases = {
    "top hat": ("top hat", "top hat", "top-hat", "tophat", "cylinder hat"),
    "party hat": ("party hat", "party hat", "birthday hat", "pointy hat", "cone hat"),
    "crown": ("crown", "crown", "royal crown", "tiara"),
    "bow tie": ("bow tie", "bow tie", "bowtie", "bow-tie"),
    "scarf": ("scarf", "scarf", "woolly scarf", "winter scarf"),
    "glasses": ("glasses", "glasses", "spectacles", "eyeglasses", "sunglasses"),
    "flower": ("flower", "flower", "blossom", "daisy"),
    "headphones": ("headphones", "headphones", "earphones", "headset"),
}
PLURAL_ACCESSORIES = ("glasses", "spectacles", "eyeglasses", "sunglasses", "headphones", "earphones")
NO_ACCESSORY = ("wearing nothing", "without accessories", "without any accessories")

# As a tag, and as the end of a sentence.
BACKGROUND_TAGS: Phrases = {
    "plain": ("plain background", "white background", "simple background", "blank background"),
    "sky": ("sky", "blue sky", "clouds", "cloudy sky"),
    "night": ("night sky", "night", "night time", "starry night", "starry sky"),
    "forest": ("forest", "woods", "woodland"),
    "beach": ("beach", "seaside", "tropical beach"),
    "desert": ("desert", "desert dunes", "sand dunes"),
    "snow": ("snow", "winter", "snowy landscape"),
    "sunset": ("sunset", "sunset sky", "dusk"),
    "underwater": ("underwater", "under the sea", "bottom of the ocean"),
    "space": ("space", "outer space", "galaxy"),
}

BACKGROUND_PHRASES: Phrases = {
    "plain": ("on a plain background", "against a white background", "with a simple background"),
    "sky": ("in the sky", "on a cloud", "among the clouds", "under a blue sky"),
    "night": ("at night", "under a night sky", "on a starry night", "under the stars"),
    "forest": ("in the forest", "in a forest", "in the woods", "deep in a forest"),
    "beach": ("at the beach", "on the beach", "on a tropical beach", "at the seaside"),
    "desert": ("in the desert", "in a desert", "among the sand dunes"),
    "snow": ("in the snow", "in winter", "in a snowy landscape"),
    "sunset": ("at sunset", "in the sunset", "at dusk", "in front of a sunset"),
    "underwater": ("underwater", "under the sea", "at the bottom of the ocean"),
    "space": ("in space", "in outer space", "on the moon", "lost in a galaxy"),
}

POSITIONS: Phrases = {
    "left": ("on the left", "on the left side", "to the left", "left side"),
    "center": ("in the center", "in the centre", "in the middle", "centered", "centred"),
    "right": ("on the right", "on the right side", "to the right", "right side"),
}

# What a caption may say, but says nothing about: it must never name an attribute.
OPENERS = (
    "a drawing of",
    "drawing of",
    "a picture of",
    "a cartoon of",
    "cartoon of",
    "an illustration of",
    "a portrait of",
    "portrait of",
    "a painting of",
    "a sketch of",
    "an image of",
    "a digital painting of",
    "a photo of",
    "a sticker of",
    "a children's book illustration of",
    "concept art of",
    "I want",
    "please draw",
    "draw me",
    "show me",
    "imagine",
    "here is",
)
FILLER_ADJECTIVES = (
    "cute",
    "adorable",
    "lovely",
    "charming",
    "funny",
    "friendly",
    "cartoon",
    "sweet",
    "fluffy",
    "magical",
    "beautiful",
    "kawaii",
    "famous",
    "whimsical",
    "mysterious",
)
FILLER_TAGS = (
    "cute",
    "adorable",
    "highly detailed",
    "4k",
    "8k",
    "digital art",
    "by a famous artist",
    "masterpiece",
    "cartoon",
    "cartoon style",
    "children's book illustration",
    "best quality",
    "trending on artstation",
    "sharp focus",
    "vector art",
    "concept art",
    "vibrant",
    "octane render",
    "studio lighting",
    "flat design",
    "sticker",
    "award winning",
    "soft shading",
    "storybook",
    "elegant",
    "intricate",
    "watercolor",
    "3d render",
    "pixar style",
    "in the style of a comic",
)
NEUTRAL_NOUNS = (
    "friend",
    "buddy",
    "pal",
    "fellow",
    "guy",
    "one",
    "somebody",
    "someone",
    "something",
    "thing",
)
ODD_WORDS = (
    "pizza",
    "bicycle",
    "quantum",
    "tractor",
    "democracy",
    "violin",
    "spaghetti",
    "castle",
    "jazz",
    "rainbow",
    "steampunk",
    "cyberpunk",
    "medieval",
    "banana",
    "mountain",
    "teapot",
    "Paris",
    "Shakespeare",
    "dancing",
    "flying",
    "running",
    "thinking",
    "philosophy",
    "umbrella",
    "telescope",
    "coffee",
    "wizard",
    "astronaut",
    "programming",
    "guitar",
    "very",
    "really",
    "please",
    "maybe",
    "train",
    "skateboard",
    "volcano",
    "lightning",
    "algorithm",
    "marble",
    "🎉",
    "🙂",
    "✨",
    "🚀",
)
BODY_NOUNS = ("body", "fur", "skin", "blob")

EYE_NOUNS = ("eyes", "eye", "irises", "iris")
# What may stand between "eyes" and the colour they have.
EYE_LINKS = frozenset(
    (
        *("of", "are", "is", "that", "which", "and", "so", "very", "color", "colour", "colored", "coloured"),
        *("big", "large", "huge", "bright", "deep", "dark", "light", "shiny", "glowing"),
    )
)
# Things that take the adjectives before them away from the critter: a red car makes no red critter.
OTHER_NOUNS = (
    *("hat", "shirt", "cap", "shoes", "boots", "socks", "gloves", "jacket", "coat", "dress"),
    *("sweater", "tie", "ribbon", "collar", "nose", "mouth", "teeth", "tongue", "ears", "ear"),
    *("tail", "wing", "wings", "horn", "horns", "antennae", "hair", "mane", "beak", "paws", "feet"),
    *("hands", "arms", "legs", "cheeks", "face", "background", "light", "lights", "sun", "moon"),
    *("star", "stars", "cloud", "tree", "trees", "grass", "flowers", "water", "wave", "waves"),
    *("sand", "sea", "ocean", "lake", "river", "island", "rock", "rocks", "car", "house", "ball"),
    *("balloon", "balloons", "ship", "boat", "bus", "plane", "apple", "strawberry", "cake", "book"),
    *("lamp", "door", "wall", "floor", "carpet", "outline", "outlines", "line", "lines", "shadow"),
    *("smile", "grin", "frown", "tear", "tears", "ring", "necklace", "backpack", "bag", "sword"),
    *("shield", "cape", "window", "fire", "flame", "heart", "lips", "eyebrows", "eyelashes"),
    *("whiskers", "buttons", "screen", "chair", "table", "pillow", "blanket"),
)
# Fixed expressions whose words mean something else alone.
IGNORED = (
    *(
        "hot dog",
        "sea lion",
        "wide angle",
        "wide shot",
        "medium shot",
        "big brother",
        "black hole",
        "bear hug",
    ),
    *(
        "white noise",
        "ice bear",
        "cat walk",
        "red carpet",
        "right now",
        "dog house",
        "bird house",
        "small talk",
    ),
)
# Read, never written.
READ_ONLY: dict[str, Phrases] = {
    "species": {
        "creature": ("monsters", "creatures", "critters", "animals", "alien", "furball"),
        "bird": ("birds", "birdy", "duckling", "owl", "parrot"),
        "cat": ("cats", "kittens", "kitties"),
        "dog": ("dogs", "puppies", "doggie"),
        "bunny": ("bunnies", "rabbits"),
        "bear": ("bears", "teddy"),
        "lion": ("lions",),
        "frog": ("frogs", "froggie"),
        "robot": ("robots",),
        "dragon": ("dragons",),
        "octopus": ("octopuses", "octopi"),
        "fish": ("fishes",),
    },
    "accessory": {
        "glasses": ("a pair of glasses",),
        "bow tie": ("bow",),
        "scarf": ("shawl",),
        "crown": ("crowns",),
    },
    "background": {
        "night": ("nighttime", "moonlight"),
        "forest": ("jungle",),
        "snow": ("snowy", "winter landscape"),
        "space": ("cosmos", "moon landscape"),
        "underwater": ("in the ocean", "in the sea", "bottom of the sea"),
        "sunset": ("sundown",),
    },
    "expression": {
        "happy": ("smile", "grin", "smiles", "laughing", "joyous", "glad"),
        "sad": ("sorrowful", "weeping", "cries"),
        "angry": ("enraged", "grouchy"),
        "surprised": ("stunned",),
        "sleepy": ("yawning",),
        "silly": ("tongue out", "with tongue out", "derpy"),
    },
    "position": {
        "left": ("at left", "at the left"),
        "right": ("at right", "at the right"),
        "center": ("center", "centre", "middle"),
    },
    "pattern": {"belly": ("belly", "tummy"), "stripes": ("stripe",), "spots": ("spot",)},
}
