"""Closed word lists that worlds and families draw from."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Ben Carla Dario Elif Farid Greta Hana Ivo Jonas Kira Liam Mina Nadia Omar Petra Quinn Rosa Samir "
    "Tara Ulla Victor Wanda Ximena Yusuf Zoe Amara Bruno Chloe Derek Emeka Fiona Gabor Helga Imani Jamal "
    "Katya Luca Maren Nils Olga Pablo Renata Stefan Tomas Uma Vera Willa Yara Zane Anouk Boris Celia "
    "Dmitri Esther Felix Gwen Hugo Irene Jasper"
)
LAST_NAMES = _words(
    "Okafor Lindqvist Moreau Tanaka Silva Novak Haddad Fischer Castillo Byrne Petrov Nguyen Rossi "
    "Kowalski Mensah Larsen Dubois Sato Ferreira Horvat Aziz Weber Ortega Doyle Ivanov Pham Greco Wozniak "
    "Boateng Holm Garnier Mori Pinto Babic Rahman Keller Vargas Nolan Sokolov Tran Conti Zielinski "
    "Adeyemi Berg Leroy Ito Costa Jansen Khan Schmid Romero Walsh Popov Lim Ricci Duda Owusu Dahl Roux "
    "Abe"
)
CITIES = _words(
    "Lisbon Oslo Turin Leeds Porto Ghent Krakow Bergen Malaga Graz Cork Lyon Bremen Tartu Split Aarhus "
    "Basel Nantes Bilbao Tampere Dundee Parma Brno Utrecht Seville Riga Bath Cadiz Gdansk Linz Uppsala "
    "Verona Antwerp Galway Kaunas Leipzig Toulouse York Zadar Bern"
)
MONTHS = _words("January February March April May June July August September October November December")
WEEKDAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

# Plain lower-case things, by what they are called.
THINGS: dict[str, tuple[str, ...]] = {
    "fruits": _words(
        "apple pear plum cherry mango papaya lemon lime fig grape melon peach apricot banana kiwi quince "
        "blackberry raspberry orange pomegranate coconut cranberry guava lychee nectarine"
    ),
    "vegetables": _words(
        "carrot leek onion potato spinach cabbage radish turnip parsnip celery fennel pumpkin cucumber "
        "beetroot aubergine courgette broccoli artichoke asparagus lettuce kale shallot garlic"
    ),
    "animals": _words(
        "badger otter heron fox hare owl mole stoat weasel beaver hedgehog squirrel falcon magpie salmon "
        "trout lynx wolf moose bison ferret pigeon sparrow donkey goat"
    ),
    "tools": _words(
        "hammer chisel wrench pliers saw drill clamp trowel spade rake ladder mallet sander file crowbar "
        "level screwdriver shears hoe pickaxe vice plunger spanner"
    ),
    "instruments": _words(
        "violin cello flute oboe trumpet drum harp guitar piano organ clarinet banjo accordion tuba "
        "bassoon mandolin harmonica saxophone trombone lute viola zither"
    ),
    "kitchen items": _words(
        "kettle whisk ladle grater colander saucepan spatula teapot toaster blender corkscrew tray bowl "
        "jug skillet funnel peeler strainer mug plate sieve thermos"
    ),
    "clothes": _words(
        "scarf jacket glove sock boot jumper skirt waistcoat apron raincoat cap belt cardigan sandal "
        "shirt trousers overalls mitten slipper dress blazer tunic"
    ),
    "garden plants": _words(
        "rose tulip lavender fern ivy daisy poppy lilac jasmine orchid violet thistle heather marigold "
        "sunflower peony iris clover bluebell foxglove geranium begonia"
    ),
    "office supplies": _words(
        "stapler folder notebook envelope marker ruler eraser binder calendar scissors pencil stamp "
        "clipboard highlighter paperclip lamp whiteboard printer label tape shredder"
    ),
    "camping gear": _words(
        "tent lantern compass backpack hammock stove rope blanket flask torch map whistle tarpaulin "
        "mattress matches cooler axe binoculars firewood canteen"
    ),
    "trades": _words(
        "baker mason plumber tailor welder florist carpenter glazier roofer butcher cobbler gardener "
        "electrician potter printer weaver barber painter locksmith brewer"
    ),
    "trees": _words(
        "oak birch willow maple ash cedar pine larch elm beech alder hazel rowan chestnut spruce poplar "
        "yew sycamore juniper cypress"
    ),
}
