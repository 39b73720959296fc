"""The words that the simulated catalogues are written with: trees of categories, makes, looks, sizes and brands.

One theme per world. A line of a tree reads ``department > category | usual price | product types
    | makes | looks``; ``~``
and a number after the price are the days after which it is bought again (absent: it lasts), and absent makes or looks
are the theme's. Nothing here is random.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A product type: the leaf of the category tree. ``price`` is usual, ``restock_days`` is 0 for what lasts."""

    department: str
    category: str
    name: str
    price: float
    restock_days: float
    makes: tuple[str, ...]
    looks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Theme:
    """The vocabulary of one world.

    ``looks`` and ``makes`` are the two attributes that carry an item's style; ``look_name`` and ``make_name`` are what
    this shop calls them (colour and material; flavour and quality).
    """

    kinds: tuple[Kind, ...]
    look_name: str
    looks: tuple[str, ...]
    make_name: str
    makes: tuple[str, ...]
    size_name: str
    sizes: tuple[str, ...]
    syllables: tuple[str, str]
    occasions: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _tree(text: str) -> tuple[Kind, ...]:
    kinds = []
    for line in text.strip().replace("\n    |", " |").splitlines():
        path, price, names, makes, looks = ([*line.split("|"), "", ""])[:5]
        department, category = (part.strip() for part in path.split(">"))
        usual, _, restock = price.partition("~")
        cost, restocked = float(usual), float(restock or 0)
        kinds += [
            Kind(department, category, name, cost, restocked, _words(makes), _words(looks)) for name in _words(names)
        ]
    return tuple(kinds)


FASHION: Final = Theme(
    _tree("""
Women > Dresses | 62 | wrap dress, shirt dress, slip dress, knit dress, maxi dress
    | linen, viscose, satin, jersey, organic cotton, denim
Women > Tops | 28 | blouse, t-shirt, camisole, tunic, turtleneck | organic cotton, linen, viscose, satin, jersey
Women > Knitwear | 58 | cardigan, crew jumper, knitted vest | merino, organic cotton, alpaca, cashmere blend
Women > Trousers | 54 | wide-leg trousers, slim jeans, culottes, leggings
    | denim, linen, viscose, corduroy, organic cotton
Women > Outerwear | 130 | trench coat, puffer jacket, wool coat, denim jacket
    | wool blend, denim, recycled nylon, leather
Men > Shirts | 46 | oxford shirt, linen shirt, overshirt, polo shirt | organic cotton, linen, corduroy, denim, flannel
Men > T-shirts | 22 | crew t-shirt, long-sleeve tee, graphic tee | organic cotton, jersey, linen
Men > Knitwear | 64 | merino jumper, zip cardigan, hoodie | merino, organic cotton, fleece, cashmere blend
Men > Trousers | 58 | chinos, straight jeans, joggers, cargo trousers | denim, corduroy, linen, organic cotton
Men > Outerwear | 145 | parka, bomber jacket, field jacket, rain jacket
    | recycled nylon, wool blend, leather, waxed cotton
Kids > Girls | 24 | girls dress, girls leggings, girls jumper | organic cotton, jersey, corduroy, fleece
Kids > Boys | 24 | boys shorts, boys t-shirt, boys hoodie | organic cotton, jersey, denim, fleece
Kids > Baby | 19 | romper, sleepsuit, baby cardigan | organic cotton, merino, muslin
Shoes > Trainers | 85 | low trainers, running shoes, high-top trainers | leather, canvas, recycled nylon, suede
Shoes > Boots | 120 | chelsea boots, ankle boots, hiking boots | leather, suede, vegan leather
Shoes > Sandals | 48 | slides, strappy sandals, espadrilles | leather, cork, canvas
Accessories > Bags | 68 | tote bag, crossbody bag, backpack, belt bag | leather, canvas, recycled nylon, corduroy
Accessories > Basics | 13 ~ 120 | ankle socks, tights, briefs, bralette | organic cotton, merino, bamboo, lace
Accessories > Jewellery | 32 | hoop earrings, pendant necklace, bracelet, ring | silver, gold-plated, pearl, enamel
Accessories > Winter | 26 | beanie, scarf, gloves | merino, fleece, cashmere blend, leather
Sport > Training | 38 | sports bra, training shorts, running tights, gym vest | recycled nylon, jersey, mesh
Sport > Swim | 40 | swimsuit, bikini top, swim shorts | recycled nylon, ribbed
"""),
    "colour",
    _words(
        "black, white, ecru, navy, rust, olive, sage, camel, burgundy, sky blue, blush, mustard, charcoal, teal, lilac"
    ),
    "material",
    _words("organic cotton, linen, merino, denim, viscose, recycled nylon, leather, corduroy, jersey, satin, fleece"),
    "size",
    _words("XS, S, M, L, XL"),
    ("Nor,Hal,Mar,Ves,Lin,Ada,Cor,Bel,Ost,Ril,Tam,Fen", "vane,wick,mora,ette,strand,ley,ina,dale,quist,oro,by,sund"),
    _words("every day, the office, weekends, evenings out, travel, layering, warm days, cold days"),
)

GROCERY: Final = Theme(
    _tree("""
Fresh > Fruit | 2.6 ~ 7 | bananas, apples, pears, grapes, oranges, berries, lemons
    | organic, fair-trade, everyday, farmhouse | small, sweet, ripe and ready, loose, picked early
Fresh > Vegetables | 2.1 ~ 7 | tomatoes, carrots, potatoes, salad leaves, peppers, onions, broccoli, mushrooms
    | organic, everyday, farmhouse, local | washed, loose, sweet, mini, on the vine
Fresh > Bakery | 2.9 ~ 6 | sourdough loaf, sandwich bread, bagels, croissants, wraps
    | organic, wholegrain, gluten-free, farmhouse, everyday | plain, seeded, rye, malted, garlic
Dairy > Milk and cream | 1.9 ~ 6 | milk, oat drink, cream, buttermilk
    | organic, low-fat, free-range, everyday | whole, semi-skimmed, barista, vanilla, lactose-free
Dairy > Yoghurt | 2.4 ~ 8 | plain yoghurt, fruit yoghurt, skyr, dessert pots
    | organic, low-fat, vegan, farmhouse | natural, strawberry, vanilla, honey, peach, mango
Dairy > Cheese | 4.6 ~ 12 | cheddar, mozzarella, soft cheese, grated cheese, feta
    | organic, low-fat, farmhouse, everyday, premium | mild, mature, smoked, herb, garlic
Dairy > Eggs and butter | 3.4 ~ 12 | eggs, butter, spread
    | organic, free-range, everyday, farmhouse | salted, unsalted, large, medium
Meat and fish > Meat | 7.2 ~ 9 | chicken breast, minced beef, sausages, bacon, pork chops
    | organic, free-range, everyday, premium | plain, smoked, herb, spicy, honey
Meat and fish > Fish | 8.1 ~ 16 | salmon fillet, fish fingers, tuna tins, prawns
    | line-caught, everyday, premium, organic | plain, smoked, lemon, herb, chilli
Pantry > Pasta and rice | 2.0 ~ 21 | spaghetti, penne, basmati rice, couscous, noodles
    | organic, wholegrain, gluten-free, everyday | classic, spinach, egg, quick cook
Pantry > Sauces | 3.1 ~ 24 | tomato sauce, pesto, curry sauce, mayonnaise, ketchup, soy sauce
    | organic, low-salt, vegan, everyday, premium | classic, spicy, garlic, herb, smoked, mild
Pantry > Breakfast | 3.8 ~ 18 | muesli, porridge oats, cornflakes, granola, jam, honey
    | organic, wholegrain, gluten-free, everyday, fair-trade | classic, honey, berry, chocolate, nut, unsweetened
Pantry > Baking | 2.7 ~ 40 | flour, sugar, baking powder, chocolate chips
    | organic, wholegrain, gluten-free, everyday | plain, brown, dark, fine
Snacks > Sweet | 2.8 ~ 10 | chocolate bar, biscuits, wine gums, cereal bar, ice cream
    | fair-trade, vegan, everyday, premium | milk, dark, caramel, hazelnut, mint, berry
Snacks > Savoury | 2.6 ~ 10 | crisps, salted nuts, crackers, popcorn, olives
    | organic, low-salt, vegan, everyday, premium | sea salt, paprika, smoked, garlic, chilli, vinegar
Drinks > Soft drinks | 3.3 ~ 9 | sparkling water, cola, orange juice, lemonade, iced tea
    | organic, low-sugar, everyday, premium | lemon, classic, ginger, peach, berry, zero
Drinks > Coffee and tea | 6.4 ~ 25 | ground coffee, coffee beans, black tea, herbal tea
    | organic, fair-trade, everyday, premium, decaf | mild, strong, vanilla, dark roast, breakfast, mint
Drinks > Beer and wine | 9.5 ~ 14 | lager, pale ale, red wine, white wine
    | organic, craft, everyday, premium, alcohol-free | dry, fruity, hoppy, light, oak-aged
Frozen > Frozen meals | 4.9 ~ 14 | frozen pizza, lasagne, frozen vegetables, potato wedges
    | organic, vegan, gluten-free, everyday | margherita, spinach, spicy, herb, classic
Household > Cleaning | 4.2 ~ 45 | dish soap, laundry liquid, all-purpose cleaner, dishwasher tabs
    | plant-based, concentrated, everyday, sensitive | lemon, lavender, unscented, ocean, mint
Household > Paper | 5.1 ~ 30 | toilet paper, kitchen roll, tissues
    | recycled, soft, everyday, extra strong | plain, printed, scented, extra long
Household > Care | 4.7 ~ 40 | shampoo, toothpaste, shower gel, deodorant
    | plant-based, sensitive, everyday, premium | mint, aloe, coconut, unscented, citrus
Pets > Cat and dog | 8.8 ~ 20 | cat food, dog food, cat litter, dog treats
    | grain-free, organic, everyday, sensitive | chicken, salmon, beef, lamb, unscented
Baby > Baby | 9.2 ~ 18 | nappies, baby puree, baby wipes
    | organic, sensitive, everyday | newborn, six months, toddler, unscented
"""),
    "flavour",
    _words("classic, mild, spicy, smoked, garlic, herb, honey, vanilla, berry, citrus, caramel, mint, unsweetened"),
    "quality",
    _words("organic, wholegrain, low-fat, free-range, fair-trade, farmhouse, vegan, gluten-free, everyday, premium"),
    "pack",
    _words("single, twin pack, family pack, value pack"),
    (
        "Haver,Green,Mill,Sun,Oak,Brook,Daisy,Harvest,North,Clover,Rose,Wheat",
        "ley,field,brook,ridge,acre,stead,dale,barn,moor,grove,gate,hill",
    ),
    _words("breakfast, lunchbox, weeknight dinners, baking, barbecue, snacking, family meals"),
)

ELECTRONICS: Final = Theme(
    _tree("""
Audio > Headphones | 89 | wireless earbuds, over-ear headphones, sport earphones, gaming headset
Audio > Speakers | 140 | portable speaker, soundbar, bookshelf speakers, smart speaker
Phones > Smartphones | 480 | smartphone, compact phone, rugged phone
Phones > Phone accessories | 19 | phone case, screen protector, car mount, power bank, wireless charger
Computers > Laptops | 850 | ultrabook, gaming laptop, convertible laptop, student laptop
Computers > Tablets | 330 | tablet, e-reader, drawing tablet
Computers > Peripherals | 49 | keyboard, mouse, webcam, monitor stand, usb hub, microphone
Computers > Monitors | 260 | office monitor, gaming monitor, portable monitor
Computers > Storage | 75 | external drive, solid-state drive, memory card, usb stick
Home > Smart home | 42 | smart plug, smart bulb, door sensor, video doorbell, thermostat
Home > Kitchen | 95 | air fryer, coffee machine, blender, kettle, toaster
Home > Cleaning | 210 | robot vacuum, cordless vacuum, air purifier, steam cleaner
TV > Televisions | 620 | oled television, led television, projector
TV > TV accessories | 38 | streaming stick, wall mount, hdmi cable, remote control
Photo > Cameras | 640 | mirrorless camera, action camera, instant camera
Photo > Photo accessories | 45 | tripod, camera bag, lens filter, camera battery
Gaming > Consoles and games | 58 | controller, handheld console, racing wheel, vr headset
Wearables > Watches | 190 | smartwatch, fitness band, running watch
Supplies > Ink and power | 24 ~ 60 | ink cartridge, toner, aa batteries, charging cable, photo paper
"""),
    "colour",
    _words("black, white, graphite, silver, midnight blue, sand, forest green, coral, lavender"),
    "line",
    _words("essential, pro, max, lite, studio, air, sport, plus, classic, neo"),
    "generation",
    _words("gen 2, gen 3, gen 4, 2nd edition, new"),
    ("Vol,Zen,Aur,Kry,Nex,Pix,Son,Lum,Tek,Ori,Hex,Qua", "tara,ora,ex,onic,ido,vio,max,en,ix,sys,ar,ovo"),
    _words("travel, home office, gaming, streaming, sport, family, studying, small flats"),
)

GIFTS: Final = Theme(
    _tree("""
Kitchen > Tableware | 6 | mug, cereal bowl, cake stand, teapot, jug, dinner plate
    | enamel, ceramic, glass, bone china, stoneware
Kitchen > Baking | 4.5 | cake tin, cookie cutters, cake cases, rolling pin, recipe box | tin, wood, paper, silicone
Kitchen > Storage | 7.5 | bread bin, storage jar, lunch box, biscuit tin, spice rack
    | enamel, tin, wood, glass, wicker
Kitchen > Textiles | 5 | tea towel, apron, oven glove, table runner, napkins | cotton, linen, oilcloth
Home > Candles | 4 ~ 30 | tealight holder, scented candle, lantern, candle plate, incense
    | glass, zinc, ceramic, soy wax, silver
Home > Decoration | 8 | photo frame, bunting, wall clock, door stop, hanging heart, wicker wreath, metal sign
    | wood, felt, zinc, wicker, ceramic, cotton
Home > Lighting | 14 | string lights, night light, table lamp, paper shade | paper, glass, zinc, wood
Home > Cushions | 11 | cushion cover, doormat, throw, quilt | cotton, linen, wool, velvet
Paper > Stationery | 2.2 ~ 30 | notebook, pencils, sketchbook, writing set, sticky notes, ruler
    | recycled, hardback, pocket, deluxe
Paper > Cards and wrap | 1.6 ~ 20 | greeting card, gift wrap, gift bag, ribbon, gift tags
    | kraft, glitter, embossed, recycled
Paper > Party | 2.8 ~ 40 | paper cups, paper plates, balloons, party garland, paper straws
    | paper, foil, recycled, giant
Toys > Play | 5.5 | jigsaw, skipping rope, spinning top, playing cards, wooden blocks | wood, tin, card, felt
Toys > Soft toys | 8.5 | rag doll, knitted rabbit, hand puppet | cotton, felt, knitted, velvet
Bags > Shoppers | 2.6 ~ 60 | jumbo bag, lunch bag, foldable shopper, charlotte bag | cotton, recycled, oilcloth, jute
Bags > Small bags | 3.6 | purse, wash bag, pencil case, passport cover | cotton, oilcloth, felt, velvet
Garden > Garden | 9 | watering can, bird feeder, plant pot, seed packets, garden gloves, parasol
    | zinc, wood, enamel, wicker, tin
Season > Winter | 4.2 | tree decoration, advent calendar, stocking, snow globe | felt, wood, glass, wicker, paper
Beauty > Bath | 3.9 ~ 45 | soap, hand cream, hot water bottle, bath salts | natural, scented, luxury, travel
Jewellery > Jewellery | 6.5 | beaded bracelet, brooch, drop earrings, hair clips | silver, glass, beaded, enamel, wood
"""),
    "pattern",
    _words(
        "polka dot, cream heart, vintage floral, union stripe, woodland, pantry check, paisley, rose, ivory, "
        "pink gingham, blue willow, strawberry, skull, spaceboy, dolly, owl, circus"
    ),
    "material",
    _words("enamel, ceramic, wood, glass, felt, zinc, wicker, cotton, tin, paper"),
    "set",
    _words("single, set of 3, set of 6, box of 12"),
    (
        "Rosie,Penny,Bram,Wren,Poppy,Hazel,Tilly,Maple,Fern,Pip,Ivy,Moss",
        " Lane, & Co, Cottage, House, Works, Parade, Mill, Market, Row, Atelier, Barn, Yard",
    ),
    _words("birthdays, housewarming, teachers, weddings, children, gardeners, tea time, christmas"),
)

MARKETPLACE: Final = Theme(
    _tree("""
Home > Furniture | 180 | side table, bookshelf, office chair, bed frame, tv bench | oak, bamboo, steel, pine, rattan
Home > Bedding | 45 | duvet cover, pillow, mattress topper, bed sheet | cotton, bamboo, linen, microfibre, wool
Home > Kitchenware | 34 | frying pan, knife set, storage jars, chopping board, baking tray
    | steel, glass, bamboo, ceramic, cast iron
Home > Lighting | 52 | floor lamp, desk lamp, pendant light | steel, glass, bamboo, paper, brass
Garden > Gardening | 26 | pruning shears, raised bed, garden hose, planter, compost bin
    | steel, recycled, bamboo, galvanised
Garden > Outdoor living | 95 | garden chair, fire bowl, parasol, hammock | teak, steel, rattan, aluminium, canvas
Tools > Power tools | 98 | cordless drill, jigsaw, sander, angle grinder | brushless, compact, corded, professional
Tools > Hand tools | 24 | screwdriver set, hammer, spirit level, toolbox | steel, titanium, insulated, professional
Tools > Car | 29 | dash camera, tyre inflator, seat cover, car vacuum | compact, cordless, universal, premium
Beauty > Skin care | 18 ~ 45 | face cream, cleanser, serum, sun cream, lip balm
    | vegan, sensitive, natural, hydrating | unscented, rose, aloe, citrus, almond
Beauty > Hair care | 13 ~ 40 | shampoo, conditioner, hair oil, hair brush
    | vegan, natural, repairing, gentle, salon | coconut, argan, rosemary, unscented
Health > Supplements | 19 ~ 35 | vitamin d, omega 3, protein powder, magnesium
    | vegan, organic, high strength, liquid | 30 days, 60 days, 120 days, lemon, unflavoured
Sports > Fitness | 32 | yoga mat, dumbbells, resistance bands, foam roller | cork, rubber, foam, non-slip
Sports > Cycling | 48 | bike helmet, bike light, pannier, cycling gloves, bike pump
    | aluminium, waterproof, rechargeable, leather
Sports > Camping | 66 | tent, sleeping bag, camping stove, head torch | ultralight, waterproof, canvas, down
Toys > Building | 35 | brick set, marble run, model kit
    | wooden, magnetic, plastic, deluxe | castle, racing car, farm, space, animals
Toys > Games | 27 | board game, card game, puzzle, dice game
    | family, travel, cooperative, classic, deluxe | pirates, forest, trains, space, cats, mystery
Pets > Dogs and cats | 22 ~ 30 | dog bed, cat tree, dog food, cat litter, chew toy
    | natural, orthopaedic, washable, sensitive | small, medium, large, puppy and kitten
Crafts > Needlework | 12 ~ 50 | yarn, knitting needles, embroidery kit, fabric | merino, cotton, bamboo, linen, alpaca
Crafts > Painting | 17 ~ 70 | acrylic paint, canvas, brush set, sketchbook | studio, student, professional, travel
Office > Supplies | 11 ~ 60 | notebooks, pens, printer paper, desk organiser, folders
    | recycled, refillable, hardback, bulk
Fashion > Basics | 21 ~ 120 | t-shirt, socks, leggings, hoodie | cotton, merino, bamboo, recycled, fleece
"""),
    "colour",
    _words("black, white, grey, natural, blue, green, red, yellow, terracotta, mint, walnut, rose"),
    "material",
    _words("bamboo, steel, cotton, oak, plastic, aluminium, glass, recycled, ceramic, silicone, felt"),
    "size",
    _words("small, medium, large, set"),
    ("Bri,Cal,Dor,Eve,Fal,Gro,Hel,Jun,Kas,Lor,Mod,Pra", "ton,wood,lex,mark,nova,berg,tal,line,way,craft,go,ium"),
    _words("small spaces, families, beginners, weekends, gifts, everyday use, the outdoors, hobby rooms"),
)

THEMES: Final = {
    "fashion": FASHION,
    "grocery": GROCERY,
    "electronics": ELECTRONICS,
    "gifts": GIFTS,
    "marketplace": MARKETPLACE,
}
