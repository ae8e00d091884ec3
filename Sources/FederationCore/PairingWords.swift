/// The 2048 words of which a pairing phrase is made, in alphabetical order: eleven bits each.
///
/// Two nodes of any versions must show the same words for ever, so this list is never changed; another one would be
/// another version of the phrase. No two words have the same first four letters, and none becomes another by one letter
/// that is changed, left out or added. They are from Debian's SCOWL, which is in the public domain.
package enum PairingWords {
    package static let all: [Substring] = text.split { $0 == " " || $0 == "\n" }

    private static let text = """
        abacus abandon ability about above abreast abroad abrupt absence academy accept acclaim accord achieve
        acidity acorn acquire acronym acrylic act action actress actual adamant add address adjourn adjust admit
        adobe adopt adult advance advert advice aerosol afar affair affect affront aflame afoot after again agenda
        ago agree ahead aim airiest airline airmail airport albino album alcove alert algae align alimony alkali
        allege allow allure almanac almost aloft along alpha amaze amber amenity amiable ammonia amnesia ampere
        amplify amulet amuse analog anatomy anchor ancient android anemia angelic angle angry angular animal annex
        annual anomaly anorak another answer antenna anthem antique antler anvil anxiety aorta apiece apostle
        apparel appear apple appoint approve apricot apron aquatic arbiter arcade archaic area armor army aroma
        around arrange arrive arsenal artful artist artwork ascent ascribe ashen ashore ashtray ask aspect asphalt
        aspirin asset assign assure astride astute athlete atomic attach attend attic attract auburn audible augment
        august author autumn average aviator avocado await award awesome awning axis axle azalea azure baboon baby
        backlog badge baffle baggage bakery balance balcony ball balmy banana bandit banish banjo bank banquet
        baptize bargain barley barman barrel barter base bashful basic basket bassoon bathe baton batsman bayou
        bazaar beacon beagle bear beauty beaver because become bedroom bedside bedtime beef beehive beeper beeswax
        beetle beggar begin beige belated belfry believe bellboy belong bench benefit benign bestow bet bewitch
        bicycle big billion binary bind biology biplane birch biscuit bisect bison bite black blanket blaze bleach
        blemish blend blimp bliss blitz blonde bloom blossom blotch blouse blow blubber blue blunder blurb boat
        bobbin bobcat bobsled bodice body bolster bonfire bonnet bonus book boost borough botany bottle bought
        boulder bounce bouquet bovine box boxcar boyhood bracket brainy brand brave breath breed brevity brew brick
        bridge brief bright brim bring bristle broaden bronco brooch broth brown brunch brush bubble bucket bud
        buddy budget buffet buggy bugle build bulk bulldog bumpy bundle buoyant bureau burger burro burst bushel
        bustle busy button buzzard bygone cabaret cabbage cabinet caboose cacao cactus caddie cadence calcium calico
        callus calm calorie camera campus canal candid canine cannon canoe canteen capable capital capsule captain
        caramel carbon card careful cargo caribou carpet carry cartoon carve cascade cash casino castle catalog
        catch catfish catnip catwalk causal cavalry caviar cavort cease cedar celery cellist cement census central
        ceramic certain chain chalk chamber chance chaotic chapter charge chat cheap check cheer chemist cherry
        chess chew chicken chief child chimney chintz chip chisel choice choose choral chowder chrome chuckle chunk
        cider cinema cipher circle cistern citizen citrus city civil claim clamor clarify class clatter clean cleft
        clench clerk clever client cliff climate clinic clique clock close cloth cloud club cluster clutch coastal
        cobalt cobble cobra cobweb cocoa code coexist coffee coin collect color column combine comedy comfort comic
        common company comrade concise conduct confirm conifer connect consist contact convert cookie copy cordon
        cornet correct corsage cortex cost cotton cougar count couple course cousin covet cowboy cowgirl cowhide
        coyote crabby crackle cradle craft craggy cranky crawl create credit crepe crest crevice cricket crimson
        crinkle crisp critic crocus croon croquet cross crouch crowd crucial cruise crumb crunchy crystal cubic
        cuddle cuff cuisine culture cup curable cure curfew curio cursory curtail cushion custom cutlet cycle daddy
        dainty daisy dampen dance dark darling data datum dawdle day daytime daze dazzle deal debug decade decent
        decimal declare decoy deep define degree deity delay deliver deluxe delve demand density dentist depart
        depend depict deposit depth deputy design desk despite detail detect develop devote diagram dialog diaper
        diary dictate differ digit dignity dilate dilemma dime dimple dinghy dip direct disco display disturb ditch
        diverge divide docile doctor dog dollar domain donate done donkey doodle door dorsal double downy dozen
        dragon drape drawn dream dredge dressy driest drift drill drink drive drop drum duck dugout during dusty
        duvet dwell dynamic eager earth east eaten ebony echo ecology economy eddy edge edible editor educate eighth
        elbow elder elect elegant element eleven elicit elite email embark emblem embody embryo emerge empire employ
        empty emulate enable enamel encase enclose encore end endive endless energy enforce engage engine engulf
        enhance enigma enjoy enlarge enough enrich enroll ensure enter entitle entrant enzyme episode epoch equal
        equip era errand error escort essay essence estate esteem eternal ethic eulogy eureka event evident evoke
        evolve exact examine excess excite exclude exhaust exhibit exotic expand expect explain expose express
        extend extra eye eyelid fabric face facial factor failure fairy falcon family famous fan fancy fantasy
        fashion fasten father fauna favor feature federal feel feline fellow female fern ferret fetch fiction field
        fiesta fifth figure file fillet filmy filter final finesse finger finish firefly firm first fish fit fitful
        fizzle flag flake flannel flash fleet flick flint float floppy florid flowery fluent fluffy fluid flung
        flurry flute fly foam focus foggy folksy food footage foray force foreign formal forth forum forward fossil
        foster found foxy foyer fragile frame frank freedom fresh friar friend frigate frilly frisky frog frolic
        front frosty frugal fruit fulfill fully funny further fusion future fuzz gadget galaxy gallon galore game
        gamma garbage garden garlic garnet gateway gauge gavel gazelle geese general genius genre gentle genuine
        gerbil gesture geyser ghost gift giggle gingham girder girl given glad glance glen global glossy goal goblet
        golden goodbye goofy goose gopher gorge govern grade grammar grant graph grass gravity greasy grid grieve
        grocer groove grotto group growth guard guide guilty guinea guitar gulf guppy guru guy habit hack haircut
        hallway halo halve handy happen harbor harmony harp hazel headway health hearty heaven heifer helium hello
        helmet help hence herald heroic heyday hiccup hide highway hill hint history hoard hobby hockey hold holiday
        hollow homage home honesty honor hoof hopeful horizon horn horse hostess hot hotel huge human humble humid
        humor hundred hungry hurdle hurl hurry husband husky hutch hybrid hyphen igloo iguana image immense impart
        inch include income indeed indigo indoor infield inform inhale inlay inlet input insert inside inspect
        install intact integer invent invite involve iodine iota iron island isolate issue italic ivory jackal
        jaguar jaunt jazz jelly jersey jetty jewel jigsaw job joint joke journal jovial joyful joyous judge judo
        juice jumbo jump jungle junior junk jury just karat kayak keen kennel keyword khaki kid kidney kimono kindle
        king kiosk kitchen kitty kiwi kneel knit knock knoll koala label labor laden ladybug lagoon lair lambda lamp
        lanky large larynx laser late laugh laundry laurel law lawful lawyer laymen layout leaflet league leather
        leave lecture leg legal legend legible leisure lemon length lentil levy liberal library license lichen life
        light liken lilac lily limb limit linear lingo link lioness liquid listen litany little loan local locket
        locust lodge logic logo lookout lord lorry lotus lounge love lucky luggage lullaby lumber lunar lunch lupine
        lyric machine magic magnet magpie maiden mailbox major make mallard mama mammal manage mango mankind mantel
        many map marble march margin market maroon marrow marshy mart marvel mascot mason massive mastery matrix
        maximum maybe meadow measure media medley melody melt member memory mention menu mere merit merry mesh
        message metal meteor method metro middle midway mighty mileage milk mine minimal minnow minor minute miracle
        mirror missile misty mitten mix mixture mobile mod model mohair moisten mole molten moment monarch money
        monitor monster month moon morale morsel mortar mosaic moss motion motor movie muffin mummy murmur museum
        music musket mustang mute mystic myth napkin nappy native nature navy nebula neck nectar needle neon nephew
        nestle network neural neutron never newton next nibble nice nickel ninety ninth noble noise nomad nominal
        notch note notice nougat nova novel now nozzle nuance nuclear nugget numeral nutmeg nylon oar oasis obey
        object observe obtain occur oceanic octave ocular offense office oil okay olive omega omelet omit onion
        onward opaque open operate opinion optical orange orator orbit orchid ordain order organ origin otter
        outcome outlook output outside overall oxide oxygen ozone packet paddle page pagoda pallid panda panel pansy
        pantry papaya parable parcel pardon parent parish parka parlor parsec party passage pasta path patient
        patrol pattern pauper payment payoff peacock peanut pearl peasant pebble pecan pellet pencil penguin penny
        people percent perfect period perk permit person pewter phase phoenix phone photo physic piano pick picnic
        picture pigeon pipe piston pivot pixie pizza place plaid plant plastic plateau play please pledge plenty
        pliable plot plug plume plush podium poem poetic pokey policy polka pollen poncho pond pool pop poplar poppy
        porous portion postal posy potato potent powdery power praise prance precise predict prefix prepare press
        pretty prevent price primary print prior prism privacy problem process produce profile program project
        prompt propel protein proud prove prow proxy prune public pudding pueblo pull pulse puma pumice pumpkin
        pundit pupil puppet purity purpose pursuit put putty puzzle python quake qualify quantum quarry quaver queen
        quench query quick quiet quill quiz quote rabbit radar radio rail rainbow raisin ramrod random rapid rarity
        rascal rattle ravine rayon razor reach ready reality reason reborn rebuild receive recipe reclaim record
        recruit recycle redden redeem redone reduce refer refill reflect reform refresh refuse regalia regent region
        regular rein rejoin relax release relic reload remain remedy remove renew renown rental repair repeat reply
        report request rescue reserve reside resolve respect restart result retire return reveal review reward
        rewind rewrote rhino rhyme rhythm ribbon ripen ripple rise ritual rivalry road roast robin robot robust rock
        rodeo romance room rosary rostrum rotate rough routine royal rubric ruckus rudder ruffle rugby rule rummage
        rumple run runway rural safari safety saga said salary saliva saloon salt salute salvage sample sandal
        sanity satisfy save savory scale scan scarf scenery scheme school science scoop score scratch screen script
        scroll scruple seaman search seaside second secret section sedan seek seesaw segment seminar senior sense
        sentry sequin serene serious serve settle several shadow shallow shape shark shawl sheathe sheet sheikh
        shelf sherbet shield shift shine shook shop short shovel showman shred shrimp shrub shut sickle sigh sigma
        signal silent silicon silver similar simmer sincere single sinus siren sister sixth size skate sketch skill
        skunk slab sled sleep slice slip slogan slope small smile smoke smooth snack snail snap snare snatch snippet
        snooze snorkel snowy snub snuff snuggle soapy soccer social soda soft solar solid solo someone sonata song
        sorrow south spade spaniel sparkle spatial spawn speak special speed spell sphere sphinx spicy spider spike
        spinach spirit splash spleen split sponsor spoon spray spread spring sprout spruce spur spy square squeeze
        squid staff stage stamp stand start station stay steady steer step stereo steward stick stir stocky stomach
        stone stool story strange stream strict strong stubble study style submit subset subtle suburb subway
        succeed sudden suffix sugar suggest suitor sultan sum summary sundae sunrise superb support supreme surface
        surgery surname surplus survey suspend sustain swim swing swirl switch symbol symptom synonym syrup system
        tab tabby table tackle taco tailor talent talk tally tandem tape target tariff tartan tassel taste tattoo
        tavern taxicab teacup teapot teenage teeth temper tenant tendon tennis tenor tent tepee term tether textile
        thatch thaw theater theft theory third thought three thrill throw thumb tiara ticket tidbit tidy tie tiger
        tilt timber tinder tinsel tiptoe title today toddle toga toggle token tomato tomboy tongue tonight tonnage
        tonsil toolkit tooth topaz topic tornado torque torso total touch toupee tour town toy trace traffic tragedy
        train transit trapeze trash travel treaty treble trek tremor trend trial tribute tricky trigger trilogy trip
        triumph trivia trolley troop trophy trot trouble trowel truck trumpet trust tryout tuba tuft tulip tundra
        tune tunic tunnel turban tureen turkey turnip turret turtle tusk tutor tuxedo twelve twenty twice twig
        twinkle twist twitter tycoon typical undergo unfold unify unique unite unlike unlock unpack unveil unwise
        unwrap upbeat update upgrade uphill uphold upload upright upshot upside uptown upward urchin urgency use
        usual utility vacant vacuum vagary valid valley value vane vanilla vapor variety vector vehicle velour
        velvet venture venue verb verdict verge verify version vessel victory video view village vinegar vintage
        vinyl violin virtue visa visit visor visual vital vivid voice void voltage volume voodoo vowel voyage wade
        wagon waken wallet walnut walrus waltz want warren wasp watery wealthy weary weasel weekend welcome welfare
        western wharf wheat wheeze whistle white width wigwam wild willow win window winter wire wisdom wistful
        witness wizard wolf woman wombat wonder wooden work world woven wriggle yacht yarn yell yogurt young zebra
        zenith zero zeta zigzag zodiac
        """
}
