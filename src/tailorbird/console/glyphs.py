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
    "shirt": "shirt shirts tshirt tshirts tee tees top tops blouse blouses polo polos",
    "jumper": "jumper jumpers sweater sweaters knitwear hoodie hoodies sweatshirt sweatshirts cardigan pullover",
    "coat": "coat coats jacket jackets outerwear parka parkas blazer blazers suit suits",
    "dress": "dress dresses gown gowns",
    "trousers": "trousers pants jeans chinos leggings shorts denim",
    "skirt": "skirt skirts",
    "shoe": "shoe shoes sneaker sneakers trainers footwear loafers sandals running",
    "boot": "boot boots",
    "sock": "sock socks hosiery tights underwear",
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
    "laptop": "laptop laptops computer computers notebook notebooks keyboard",
    "screen": "screen monitor monitors tv television televisions display",
    "headphones": "headphones headphone earbuds audio headset speaker speakers sound",
    "camera": "camera cameras photo photography lens",
    "cable": "cable cables charger chargers adapter power battery batteries electronics",
    "game": "game games gaming console controller",
    "book": "book books novel novels fiction reading guide literature",
    "film": "film films movie movies dvd drama comedy thriller documentary horror western",
    "music": "music vinyl guitar piano instrument instruments musical",
    "pen": "pen pens pencil pencils stationery crayons writing",
    "paper": "paper card cards notepad diary calendar wrap envelope sticker stickers office planner",
    "lamp": "lamp lamps lighting lampshade",
    "light": "light lights bunting garland lantern lanterns fairy",
    "candle": "candle candles holder scent fragrance tlight",
    "clock": "clock clocks alarm timer",
    "frame": "frame frames picture pictures print prints poster posters art wall sign canvas",
    "mirror": "mirror mirrors",
    "sofa": "sofa sofas couch armchair furniture living",
    "chair": "chair chairs stool stools bench seating",
    "table": "table tables desk desks shelf shelves storage cabinet",
    "bed": "bed beds bedding bedroom mattress duvet sleep",
    "cushion": "cushion cushions pillow pillows textile textiles throw blanket blankets linen towel towels bath",
    "rug": "rug rugs carpet doormat mat mats",
    "cup": "cup cups mug mugs coffee tea espresso beverages teapot drinkware",
    "pot": "pot pots pan pans cookware saucepan casserole kitchen cooking",
    "plate": "plate plates dish dishes tableware dinner",
    "bowl": "bowl bowls soup cereal cereals",
    "knife": "knife knives cutlery fork spoon utensils dining",
    "tin": "tin tins canned can box boxes lunch",
    "bottle": "bottle bottles wine water drinks drink juice soda beer flask serum shampoo spirits oil",
    "jar": "jar jars jam honey sauce cream moisturiser moisturizer face skincare skin spread",
    "tube": "tube toothpaste lotion gel sunscreen cleanser hand body foundation mascara oral",
    "lipstick": "lipstick lip lips makeup cosmetics beauty nail nails eyes",
    "brush": "brush brushes tools shaving",
    "soap": "soap soaps hygiene",
    "comb": "comb hair hairbrush styling",
    "plant": "plant plants houseplant houseplants succulent herb herbs seeds",
    "flower": "flower flowers bouquet rose floral",
    "tree": "tree christmas xmas decoration decorations seasonal outdoor outdoors",
    "garden": "garden gardening watering patio lawn",
    "tool": "tool hardware diy wrench drill screwdriver hammer workshop",
    "paint": "paint paints painting decorating craft crafts",
    "fruit": "fruit fruits apple produce grocery groceries food snack snacks",
    "vegetable": "vegetable vegetables salad potato frozen",
    "bread": "bread bakery toast baked",
    "cake": "cake cakes cupcake dessert biscuits cookies chocolate candy sweets baking",
    "meat": "meat beef pork chicken deli",
    "fish": "fish seafood salmon",
    "milk": "milk dairy cheese yogurt eggs butter",
    "toy": "toy toys teddy doll dolls plush kids children",
    "puzzle": "puzzle puzzles jigsaw lego blocks",
    "ball": "ball football tennis basketball sport sports golf volleyball",
    "bike": "bike bikes bicycle cycling cycle scooter",
    "tent": "tent tents camping hiking trekking climbing",
    "weight": "weight weights dumbbell dumbbells fitness gym yoga exercise training",
    "pet": "pet pets dog dogs cat cats animal animals",
    "car": "car cars vehicle auto automotive truck",
    "gift": "gift gifts present party set kit kits hamper",
    "heart": "heart hearts love romance wedding valentine health wellness vitamins supplements",
    "baby": "baby babies infant nappies pram",
    "clean": "cleaning cleaner detergent laundry household spray",
}

CALLED_BY: Final[dict[str, str]] = {word: name for name, text in WORDS.items() for word in text.split()}
