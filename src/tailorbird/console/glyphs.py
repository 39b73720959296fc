"""Which silhouette stands for a thing that a shop sells, by the words that call for it.

The drawings are ours, in ``static/glyphs.svg``: drawn by hand rather than taken from an icon font, so that nothing is
fetched and a tile costs a few hundred bytes.
"""

import re
from pathlib import Path
from typing import Final

_SYMBOL: Final = re.compile(r'<symbol id="(\w+)"[^>]*>\s*(.*?)\s*</symbol>', re.DOTALL)
_DRAWINGS: Final = (Path(__file__).parent / "static" / "glyphs.svg").read_text(encoding="utf-8")

GLYPHS: Final[dict[str, str]] = dict(_SYMBOL.findall(_DRAWINGS))
"""Name to drawing: SVG in a box of 64 by 64, in ``currentColor`` with white details."""

WORDS: Final[dict[str, str]] = {
    "shirt": "shirt shirts tshirt tshirts tee tees top tops blouse blouses polo polos camisole "
    "tunic tunics overshirt overshirts vest vests",
    "jumper": "jumper jumpers sweater sweaters knitwear hoodie hoodies sweatshirt sweatshirts cardigan pullover "
    "turtleneck",
    "coat": "coat coats jacket jackets parka parkas blazer blazers suit suits outerwear",
    "dress": "dress dresses gown gowns",
    "trousers": "trousers pants jeans chinos leggings shorts denim culottes joggers",
    "skirt": "skirt skirts",
    "shoe": "shoe shoes sneaker sneakers trainers footwear loafers sandals slides espadrilles running",
    "boot": "boot boots",
    "sock": "sock socks hosiery tights stocking stockings",
    "hat": "hat hats cap caps beanie beanies headwear",
    "bag": "bag bags handbag handbags tote totes purse purses shopper",
    "rucksack": "rucksack rucksacks backpack backpacks luggage suitcase travel",
    "belt": "belt belts",
    "scarf": "scarf scarves shawl",
    "glove": "glove gloves mittens",
    "jewel": "ring rings jewellery jewelry necklace necklaces earrings bracelet bracelets",
    "watch": "watch watches wearable wearables",
    "glasses": "glasses sunglasses eyewear spectacles",
    "phone": "phone phones smartphone smartphones mobile tablet tablets",
    "laptop": "laptop laptops computer computers keyboard",
    "screen": "screen monitor monitors tv television televisions display",
    "headphones": "headphones headphone earbuds audio headset speaker speakers sound",
    "camera": "camera cameras photo photography lens webcam tripod",
    "cable": "cable cables charger chargers adapter power battery batteries electronics usb drive",
    "game": "game games gaming console controller",
    "book": "book books novel novels fiction reading guide literature",
    "film": "film films movie movies dvd drama comedy thriller documentary horror western",
    "music": "music vinyl guitar piano instrument instruments musical",
    "pen": "pen pens pencil pencils stationery crayons writing notebook notebooks sketchbook",
    "paper": "paper card cards notepad diary calendar wrap envelope sticker stickers office planner",
    "lamp": "lamp lamps lighting lampshade shade",
    "light": "light lights bunting garland lantern lanterns fairy",
    "candle": "candle candles holder scent fragrance tlight",
    "clock": "clock clocks alarm timer",
    "frame": "frame frames picture pictures print prints poster posters art wall sign canvas",
    "mirror": "mirror mirrors",
    "sofa": "sofa sofas couch armchair furniture living",
    "chair": "chair chairs stool stools bench seating",
    "table": "table tables desk desks shelf shelves storage cabinet bookshelf organiser",
    "bed": "bed beds bedding bedroom mattress duvet sleep",
    "cushion": "cushion cushions pillow pillows textile textiles throw blanket blankets linen towel towels bath",
    "rug": "rug rugs carpet doormat mat mats",
    "cup": "cup cups mug mugs coffee tea espresso beverages teapot drinkware kettle",
    "pot": "pot pots pan pans cookware saucepan casserole kitchen cooking",
    "plate": "plate plates dish dishes tableware dinner",
    "bowl": "bowl bowls soup cereal cereals pasta spaghetti penne rice couscous noodles muesli porridge "
    "granola nuts popcorn",
    "knife": "knife knives cutlery fork spoon utensils dining chopping",
    "tin": "tin tins canned can box boxes lunch",
    "bottle": "bottle bottles wine water drinks drink juice soda beer flask serum shampoo spirits oil",
    "jar": "jar jars jam honey sauce cream moisturiser moisturizer face skincare skin spread pesto mayonnaise ketchup",
    "tube": "tube toothpaste lotion gel sunscreen cleanser hand body foundation mascara oral",
    "lipstick": "lipstick lip lips makeup cosmetics beauty nail nails eyes",
    "brush": "brush brushes tools shaving",
    "soap": "soap soaps hygiene",
    "comb": "comb hair hairbrush styling",
    "plant": "plant plants houseplant houseplants succulent herb herbs seeds",
    "flower": "flower flowers bouquet rose floral",
    "tree": "tree christmas xmas decoration decorations seasonal outdoor outdoors",
    "garden": "garden gardening watering patio lawn parasol hammock hose",
    "tool": "tool hardware diy wrench drill screwdriver hammer workshop sander grinder toolbox level",
    "paint": "paint paints painting decorating craft crafts",
    "fruit": "fruit fruits apple produce grocery groceries food snack snacks",
    "vegetable": "vegetable vegetables salad potato frozen",
    "bread": "bread bakery toast baked",
    "cake": "cake cakes cupcake dessert biscuits cookies chocolate candy sweets baking",
    "meat": "meat beef pork chicken deli",
    "fish": "fish seafood salmon",
    "milk": "milk dairy cheese yogurt eggs butter yoghurt skyr",
    "toy": "toy toys teddy doll dolls plush kids children puppet",
    "puzzle": "puzzle puzzles jigsaw lego blocks",
    "ball": "ball football tennis basketball sport sports golf volleyball",
    "bike": "bike bikes bicycle cycling cycle scooter",
    "tent": "tent tents camping hiking trekking climbing",
    "weight": "weight weights dumbbell dumbbells fitness gym yoga exercise training",
    "pet": "pet pets dog dogs cat cats animal animals litter treats",
    "car": "car cars vehicle auto automotive truck",
    "swim": "swimsuit swimsuits swimwear bikini bikinis swim",
    "briefs": "briefs underwear lingerie boxers",
    "bra": "bra bras bralette bralettes",
    "bulb": "bulb bulbs plug sensor doorbell thermostat smart",
    "gift": "gift gifts present party set kit kits hamper",
    "heart": "heart hearts love romance wedding valentine health wellness vitamins supplements",
    "baby": "baby babies infant nappies pram",
    "clean": "cleaning cleaner detergent laundry household spray vacuum purifier",
}

CALLED_BY: Final[dict[str, str]] = {word: name for name, text in WORDS.items() for word in text.split()}

WEAK: Final = frozenset(
    [
        "top",
        "tops",
        "set",
        "kit",
        "kits",
        "can",
        "box",
        "boxes",
        "tin",
        "tins",
        "sport",
        "sports",
        "food",
        "gym",
        "hand",
        "body",
        "sleep",
        "running",
        "training",
        "travel",
        "smart",
        "reading",
        "writing",
        "power",
        "tools",
        "office",
        "living",
        "outdoor",
        "outdoors",
        "seasonal",
        "kids",
        "children",
        "snack",
        "snacks",
        "frozen",
        "oil",
    ]
)
"""Words that other words overrule: a spinning top is no shirt, a knife set no gift."""
