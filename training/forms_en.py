"""How people ask in English: the cores of each form of question, by their place in a sentence; phrases.py makes sentences of them.

`ask`: a question as it stands; `clause`: after "tell me"; `noun`: after "what is"; `do`: an order. (a|b): one of them; [a]: or nothing.
"""
THING = "(it|this|the item|the product|this thing|this item|this product|the object)"
OF = "[ of (it|this|the item|the product|this thing|this product)]"
SEEN = "(shown|pictured|displayed|on display|in the picture|in the image|in this photo|in this picture|here)"
CL = "(colour|color|shade|hue|tint)"
PT = "(pattern|print|design|texture)"
KIND = "(kind|type|sort|category)"
GOODS = "(product|item|thing|article|object|garment|clothing)"

FORMS = {
    "class": {
        "ask": [f"what (is|'s) (this|it|that|in the picture|in the image|in this photo|shown here|on display|here|pictured)", f"(what|which) (product|item|article|object|garment) (is this|is it|do you see|can you see|is {SEEN})",
                f"what {KIND} of {GOODS} (is this|is it|do you see|am I looking at|is {SEEN})", "what (do you call this|am I looking at|would you call this|are they selling|is being sold|is for sale here)",
                "what (product|item|thing) (would you say this is|do we have here)", "(which|what) product is for sale", "can you (recognise|recognize|identify) (this|it|the product|the item)", "do you (recognise|recognize|know) (this thing|the product|this item)", "can you work out what (this|it) is", "what (might|could) (this|it) be", "what would a (shopper|customer|shop) call (this|it)", "which (article of clothing|piece of clothing|kind of goods) is (this|it)", "what are we dealing with", "what (item|product) is (on offer|advertised|up for sale)", "what does this shop (sell|offer) here", "do you have a name for (this|it|this thing)", "any guess what (this|it) (is|might be)"],
        "clause": [f"what (this|it|that|the product|the item|this thing|this product) is", f"what (product|item|kind of product|kind of item|type of clothing|sort of thing) (this is|it is|you see|is {SEEN})", "what (I am looking at|is being sold|is for sale here|you see here)",
                   "which (product|item|article) (this is|it is|is shown)", "what (this|it) might be", "what (this|it) is called", "what they (sell|offer) here"],
        "noun": [f"the (name|{KIND}) of [the|this] {GOODS}", f"[the] {KIND}[ of {GOODS}]", "[the] product[ name]", "this item", "the item", "your best guess for (this|the item)", "the (correct|right|proper) (word|term|name) for (this|it)", "item type", "the article shown"],
        "do": ["(identify|recognise|name) (this|it|the product|the item|this item|this product|the object)", f"(say|tell me) what (this|it) is", "classify (this|the item|the product)", "(say|spell out|guess) the product", "guess what (this|it) is", "put a name to (this|it)"]},
    "class-place": {
        "ask": ["what(| is|'s) {place}", "(what|which) (product|item|thing|article) (is|lies|do you see|can be seen) {place}", f"what {KIND} of {GOODS} is {{place}}", "what (can you see|do you see|is shown) {place}", "{place}, what is (it|that|there)"],
        "clause": ["what (is|you see|lies) {place}", "(what|which) (product|item|thing) is {place}", "what the (item|product|thing|one) {place} is"],
        "noun": ["the (item|product|thing|object|one) {place}", f"the {KIND} of the (item|product|thing) {{place}}"],
        "do": ["(identify|recognise|name) the (item|product|thing|one|object) {place}"]},
    "class-colour": {
        "ask": ["what(| is|'s) the {colour} (item|product|thing|one|object)", "(what|which) (product|item|thing|article) is {colour}", "what is {colour} (here|in the picture|in this image)", f"what {KIND} of {GOODS} is (the {{colour}} one|{{colour}})"],
        "clause": ["what the {colour} (item|product|thing|one|object) is", "(what|which) (product|item|thing) is {colour}", "what is {colour} (here|in the picture)"],
        "noun": ["the {colour} (item|product|thing|one|object)", f"the {KIND} of the {{colour}} (item|product|thing|one)"],
        "do": ["(identify|recognise|name) the {colour} (item|product|thing|one|object)"]},
    "colour": {
        "ask": [f"(what|which) {CL} (is {THING}|does {THING} have|do you see|is used|is {SEEN}|would you say {THING} is)", f"what (is|'s) (the|its) {CL}{OF}", f"how is {THING} coloured", f"{THING} is (what|which) {CL}", f"in (what|which) {CL} (is {THING}|does {THING} come)",
                f"what (colour|color) (would you call this|do you see here)"],
        "clause": [f"(what|which) {CL} {THING} (is|has|comes in)", f"what (the|its) {CL}{OF} is", f"(what|which) {CL} you see"],
        "noun": [f"[the|its] {CL}{OF}", f"[the] main {CL}", "colour of this one", f"the {CL} you see"],
        "do": [f"(name|identify|describe) (the|its) {CL}{OF}"]},
    "colour-item": {
        "ask": [f"(what|which) {CL} (is the {{item}}|does the {{item}} have|is that {{item}}|is this {{item}}|would you say the {{item}} is)", f"what (is|'s) the {CL} of (the|this|that) {{item}}", f"the {{item}} is (what|which) {CL}", f"in (what|which) {CL} is the {{item}}",
                f"what is the {{item}}'s {CL}"],
        "clause": [f"(what|which) {CL} the {{item}} (is|has|comes in)", f"what the {CL} of the {{item}} is"],
        "noun": [f"[the] {CL} of (the|this|that) {{item}}", f"the {{item}}'s {CL}", f"{{item}} {CL}"],
        "do": [f"(name|identify|describe) the {CL} of (the|this|that) {{item}}"]},
    "colour-place": {
        "ask": [f"(what|which) {CL} is the (item|product|thing|one|object) {{place}}", f"what (is|'s) the {CL} of the (item|product|thing|one) {{place}}", f"(what|which) {CL} does the (item|product|thing|one) {{place}} have"],
        "clause": [f"(what|which) {CL} the (item|product|thing|one|object) {{place}} (is|has)"],
        "noun": [f"[the] {CL} of the (item|product|thing|one|object) {{place}}", f"the {CL} {{place}}"],
        "do": [f"(name|identify|describe) the {CL} of the (item|product|thing|one) {{place}}"]},
    "pattern": {
        "ask": [f"(what|which) {PT} (is {THING}|does {THING} have|do you see|is on {THING}|is {SEEN})", f"what (is|'s) (the|its) {PT}{OF}", f"is {THING} plain, striped, dotted or checked", f"{THING} has (what|which) {PT}", f"what {KIND} of {PT} (is it|is this|does {THING} have)",
                f"is {THING} (patterned|printed), and how", f"how is {THING} patterned", "what (decoration|motif) does (it|this|the item) have", "is there a (pattern|print|motif), (which|and which one)", "what (motif|decoration) (is|do you see) on (it|this|the item)"],
        "clause": [f"(what|which) {PT} {THING} has", f"(what|which) {PT} is on {THING}", f"what (the|its) {PT}{OF} is", f"(whether|if) {THING} is plain, striped, dotted or checked", f"how {THING} is patterned"],
        "noun": [f"[the|its] {PT}{OF}", f"the {KIND} of {PT}", f"the {PT} you see", "[the] (surface|cloth|fabric) (pattern|print)", "the motif"],
        "do": [f"(name|identify|describe) (the|its) {PT}{OF}"]},
    "pattern-item": {
        "ask": [f"(what|which) {PT} (does the {{item}} have|is on the {{item}}|has the {{item}} got)", f"what (is|'s) the {PT} (of|on) (the|this|that) {{item}}", "is the {item} plain, striped, dotted or checked", f"what {KIND} of {PT} does the {{item}} have", "how is the {item} patterned"],
        "clause": [f"(what|which) {PT} the {{item}} has", f"(what|which) {PT} is on the {{item}}", f"what the {PT} (of|on) the {{item}} is", "(whether|if) the {item} is plain, striped, dotted or checked"],
        "noun": [f"[the] {PT} (of|on) (the|this|that) {{item}}", f"the {{item}}'s {PT}", f"{{item}} {PT}"],
        "do": [f"(name|identify|describe) the {PT} (of|on) (the|this|that) {{item}}"]},
    "pattern-place": {
        "ask": [f"(what|which) {PT} (does the (item|product|thing|one) {{place}} have|is on the (item|product|thing|one) {{place}})", f"what (is|'s) the {PT} of the (item|product|thing|one) {{place}}", "is the (item|product|thing|one) {place} plain, striped, dotted or checked"],
        "clause": [f"(what|which) {PT} the (item|product|thing|one) {{place}} has", "(whether|if) the (item|product|thing|one) {place} is plain, striped, dotted or checked"],
        "noun": [f"[the] {PT} (of|on) the (item|product|thing|one|object) {{place}}"],
        "do": [f"(name|identify|describe) the {PT} of the (item|product|thing|one) {{place}}"]},
    "count": {
        "ask": [f"how many (items|products|things|articles|objects|goods|pieces) (are there|do you see|can you see|are {SEEN}|do you count|does the picture show)[ in (all|total)]", "what is the (number|total number|count) of (items|products|things|objects)", "how many (are there|do you see)[ in (all|total)]", "what quantity (is shown|do you see)", "how many units[ are there]", "how many different (products|items|things)[ are there]", "how large is the number of (items|products)", "how many (of them|items) (can be seen|are visible|lie there)"],
        "clause": [f"how many (items|products|things|articles|objects|goods) (there are|you see|you count|are {SEEN}|the picture shows)", "how many there are"],
        "noun": ["[the] number of (items|products|things|objects|articles)", "[the] (item|product|total) count", "[the] total number of (items|products|things)", "item tally", "quantity[ of items]", "how many", "the amount of (items|products|things)"],
        "do": ["count (the items|the products|the things|the objects|them|everything)[ in the picture]", "say how many (items|products|things) there are", "(work out|determine|find out|estimate) how many (items|products|things) there are", "tally the (items|products)"]},
    "where": {
        "ask": ["where (is|'s|do you see|can I find|can I see|would I find) the {item}[ in (the|this) (picture|image|photo)]", "in (which|what) (place|position|corner|part of the picture) is the {item}", "what is the (position|place|location) of the {item}", "the {item} is where", "whereabouts is the {item}",
                "on (which|what) side is the {item}"],
        "clause": ["where (the {item} is|to find the {item}|I can find the {item}|you see the {item})[ in the picture]", "in which (place|corner|part of the picture) the {item} is"],
        "noun": ["[the] (position|place|location) of the {item}", "the {item}'s (position|place|location)"],
        "do": ["(find|locate) the {item}", "(point me to|show me where to find) the {item}"]},
    "where-colour": {
        "ask": ["where (is|'s|do you see|can I find) the {colour} (item|product|thing|one|object)[ in (the|this) picture]", "in (which|what) (place|position|corner|part of the picture) is the {colour} (item|product|thing|one)", "what is the (position|place|location) of the {colour} (item|product|thing|one)", "on (which|what) side is the {colour} (item|one)"],
        "clause": ["where (the {colour} (item|product|thing|one) is|to find the {colour} (item|product|thing|one)|you see the {colour} (item|product|thing|one))"],
        "noun": ["[the] (position|place|location) of the {colour} (item|product|thing|one)"],
        "do": ["(find|locate) the {colour} (item|product|thing|one|object)"]},
    "presence": {
        "ask": ["is there [also] {a_item}[ in (the|this) (picture|image|photo)| here]", "(do|can) you see {a_item}[ in the picture| here| anywhere]", "is {a_item} (in the picture|in the image|shown|pictured|here|on display|visible|for sale)", "does the (picture|image|photo) (show|contain|have) {a_item}", "(any|got any|is there any) {item}[ here]", "can {a_item} be seen",
                "are they selling {a_item}", "(did|do|have) you (spot|notice|find|spotted|noticed|found) {a_item}", "is {a_item} among (the items|the products|them)", "would you say there is {a_item}[ here]"],
        "clause": ["(if|whether) (there is {a_item}|you see {a_item}|{a_item} is (shown|visible|in the picture|here)|the picture shows {a_item})"],
        "do": ["(say|check) (if|whether) there is {a_item}"]},
    "presence-colour": {
        "ask": ["is there (anything|something|any) {colour}[ in the picture| here]", "(do|can) you see (any {colour} item|anything {colour}|something {colour}|a {colour} (item|product|thing))", "is (anything|something|any item|any product) {colour}", "does the picture (show|contain|have) (anything|something) {colour}", "is there a {colour} (item|product|thing|one)"],
        "clause": ["(if|whether) (there is (anything|something) {colour}|you see (anything {colour}|a {colour} item)|(anything|something|any item) is {colour})"],
        "do": ["(say|check) (if|whether) there is anything {colour}"]},
    "match": {
        "ask": ["does (this|the|the following) (text|description|sentence|caption) (match|fit|describe) the (picture|image|photo): {text}", "does the (picture|image|photo) (show|contain|have) {text}", "is (this|it) (correct|right|true): {text}", "is there {text}[ in the picture| here]", "do you see {text}[ in the picture| here]",
                "is (that|this|it) {text}", "is {text} (shown|in the picture|in the image|here)", "true or false: (the picture shows|there is|this is|you see) {text}", "{text}: (true or false|yes or no|right or wrong|is that right|correct)", "am I right that (this is|there is) {text}"],
        "clause": ["(if|whether) (this text matches the picture|the picture shows|there is|you see): {text}", "(if|whether) (the picture shows|the image shows|there is|you see|this is) {text}"],
        "do": ["(check|verify|say) (if|whether) (the picture shows|there is|this is|you see) {text}"]},
    "price": {
        "ask": [f"what (is|'s) the price{OF}", f"(how much|what) (does|would|will) {THING} cost[ me]", f"how much (is|'s) {THING}", f"(what|which) price (is|does {THING} have|do they want|do you see|is {SEEN}|is on the tag)", "what (does|do) the (price tag|tag|label|sticker) say", "how much (do they want|do I have to pay|should I pay|money is it|is that)[ for (it|this)]",
                f"what is {THING} (sold|going|selling) for", "(what|how much) is written on the (tag|label|price tag)", "what do I (pay|owe) for (it|this)", f"how (expensive|costly) is {THING}", f"at what price is {THING} sold", "what's (it|this|that) (going|selling) for", "what (are they|is the shop|do they) (charging|asking|want)", "how many (dollars|yuan|bucks) (is it|does it cost|do I need)", "what will I be charged[ for (it|this)]", "what amount is on the (tag|label)", "what is (it|this|the item) worth", "what number is on the (price tag|label|tag)"],
        "clause": [f"how much (it|this|the item|the product) (costs|is)", f"what (it|this|the item|the product) costs", "what the (price|cost|tag|label|price tag) (is|says)", "(which|what) price is on the (tag|label)", "what is (written|printed) on the price tag", "how much I (have to|must|should) pay[ for (it|this)]"],
        "noun": [f"[the|its] (price|cost|sale price|retail price){OF}", "the (amount|number|figure|price) on the (tag|label|price tag)", "[the] price tag", "the cost of (buying it|this one)", "[the] total to pay", "price (info|check|please)", "[the] selling price"],
        "do": ["(read|look at|check) (the price|the tag|the price tag|the label|what the tag says)[ for me]", "(find|say|state|tell me) the (price|cost)", "price this[ item]"]},
    "title": {
        "ask": ["what would be a (good|fitting|short|suitable|nice) (title|headline)[ for (it|this|this product|the product)]", "(which|what) (title|headline) (fits|would fit|suits) (this|the product|this item)", "(how|what) would you (title|headline|call) this listing", "what (is|'s) (the|a good) product title"],
        "clause": ["(which|what) title (fits|suits) (this|the product)", "a good title for (it|this|this product|the listing)"],
        "noun": ["(a|the) [short|good|product] title[ for (it|this|this product|the listing|the shop)]", "a headline for (this|the product)", "product title", "title"],
        "do": ["(write|make|suggest|create|compose|propose|give me) (a|the|one) [short|good] [product] (title|headline)[ for (it|this|this product|the listing)]", "give (this product|it|this) a title", "title this[ product]", "(come up with|think of|draft|put together) (a|one) [good|short] [product] (title|headline|name)[ for (it|this|the listing)]"]},
    "describe": {
        "ask": ["what (do|can) you see[ here| in (this|the) (picture|image|photo)]", "what does the (picture|image|photo) show", "how would you describe (this|it|the picture|the product|the image|what you see)", "what is to be seen[ here| in the picture]", "can you describe (this|it|the picture|the product|what you see)", "what is (depicted|portrayed|visible)[ (here|in the image|in the picture)]", "what can you say about (this|the picture|the image)", "what (is|'s) (this|the) (picture|image|photo) (of|about)"],
        "clause": ["what you (see|can see)[ here| in (this|the) (picture|image|photo)]", "(everything|all) you see", "what the (picture|image|photo) shows", "what can be seen[ here]"],
        "noun": ["a [short|brief|full|product] description[ of (it|this|the picture|the product|what you see)]", "description", "a caption[ for (this|the picture)]", "(a|one) sentence about (the picture|this|the image)", "an (overview|outline)[ of (the picture|the image)]", "details", "alt text[ for (this|the) (image|picture)]", "a few words about (the picture|this|it)"],
        "do": ["describe (this|it|the picture|the image|the photo|the product|this product|the item|what you see|everything)[ in (one|a) sentence]", "(write|give me|make|compose) a [short|brief|product] (description|caption)[ of (it|this|the product|the picture)]", "caption (this|the picture|the image)", "(summarize|summarise|outline|explain|portray|comment on) (the picture|this image|what you see|the image)", "tell me about (this|the picture|the product|it)", "give an overview[ of the picture]"]},
    "dialog": {
        "ask": [f"what {KIND} of (dialog|dialogue|message|window|popup|notification|alert|dialog box|box) (is this|is it|is shown|do you see|popped up|came up|am I seeing)", f"(which|what) {KIND} is (the|this) (dialog|dialogue|message|window|popup|dialog box)", "is (this|it|the dialog|the message) an error, a warning, information, success or loading",
                "(what|which) (message|dialog|notification|alert) type is (this|it|shown)", "is it an error or (a warning|something else)", "what does the (icon|symbol|sign) (mean|stand for|say)", "what (is|'s) the nature of (the|this) (message|dialog)", "what (level|severity) is (this|the) (alert|message|dialog)", "which (category|kind) does the (window|box|message) belong to", "what kind of (notice|prompt|pop-up) (is this|do I see)", "how serious is (it|this message)"],
        "clause": [f"what {KIND} of (dialog|dialogue|message|window|popup|notification|dialog box) (this is|it is|is shown|you see)", "(if|whether) (this|it) is an error, a warning, information, success or loading"],
        "noun": [f"[the] {KIND} of (dialog|dialogue|message|window|popup|notification|alert)", "[the] (dialog|dialogue|message|popup|window) (type|kind|category)", "[the] (message|alert|dialog) (severity|level|class)", "what kind of (notice|box|alert)"],
        "do": [f"(name|identify|classify|say) the {KIND} of (dialog|message|window|popup)", "classify (this|the) (dialog|message|window|popup)", "(label|categorise|categorize|sort) (this|the) (dialog|message|window)"]},
    "code": {
        "ask": ["(which|what) (code|number|error code|code number|three-digit code) (is shown|is it|do you see|does (it|the dialog|the window|the message|the box|the screen) (show|give|have|display)|is displayed|is on the screen|came up)", "what (is|'s) the (code|number|error code|status code|code number)[ (shown|here|in the dialog|on the screen|in the window)]",
                "(what|which) digits (do you see|are shown|does it show)", "can you (read|see|make out) the (code|number|digits)", "the code is what", "what number (appears|came up|is written|is displayed)", "what's the three-digit (number|code)", "which error (number|code) (is it|do I have|appears)", "what does the (code|number) (read|say)", "which (number|code) is inside the (box|window|message)"],
        "clause": ["(which|what) (code|number|error code) (is shown|it is|you see|(it|the dialog|the window|the message) (shows|gives|has|displays)|is displayed)", "what the (code|number|error code) (is|says)"],
        "noun": ["[the] (code|number|error code|code number|digits|three digits|status code)[ (shown|in the dialog|on the screen|in the window)]", "numeric code", "[the] (number|code) inside the (box|window|message)", "error (no|number)", "code (no|value)"],
        "do": ["(read|copy|type out|spell out|write down|give me|repeat) the (code|number|error code|digits|three digits)[ for me]", "(find|extract|say|tell me|transcribe) the (code|number|error code)"]},
    "dialog-code": {
        "ask": [f"what {KIND} of (dialog|message|window) is (it|this) and (which|what) (code|number) does it (show|have|give)", f"what {KIND} of (dialog|message) and (which|what) (code|number) (is it|do you see|is shown)"],
        "clause": [f"what {KIND} of (dialog|message|window) (this|it) is and (which|what) (code|number) it (shows|has|gives)"],
        "noun": ["[the] (dialog|message|window) (type|kind) and [the|its] (code|number)", f"the {KIND} (of dialog |)and the (code|number)", "type and code"],
        "do": ["(name|read|give me|state) the (dialog|message|window|kind|type) and (its|the) (code|number)"]},
    "screenshot": {
        "ask": ["what (do|can) you see[ here| in (this|the) (picture|image|screenshot)| on (this|the) screen]", "what does (this|the) (picture|image|screenshot|screen) show", "how would you describe (this|it|the picture|the screenshot|the screen|what you see)", "what is on (the|this|my) screen", "can you describe (this|it|the screenshot|the picture|what you see)", "what (popped up|came up)[ on my screen]", "what is (depicted|visible)[ (here|in the image|on the screen)]", "what can you say about (this|the picture|the screenshot|the screen)", "what (is|'s) (this|the) (picture|image|screenshot) (of|about)"],
        "clause": ["what you (see|can see)[ here| in (this|the) (picture|screenshot)]", "what the (picture|image|screenshot|screen) shows", "what can be seen[ here]", "what is on (the|this|my) screen"],
        "noun": ["a [short|brief|full] description[ of (it|this|the picture|the screenshot|what you see)]", "description", "a caption[ for (this|the picture|the screenshot)]", "(a|one) sentence about (the picture|this|the screenshot)", "an (overview|outline)[ of (the picture|the screen)]", "details", "a few words about (the picture|this|it)"],
        "do": ["describe (this|it|the picture|the image|the screenshot|this screenshot|the screen|the window|what you see|everything)[ in (one|a) sentence]", "(write|give me|make) a [short|brief] (description|caption)[ of (it|this|the screenshot|the picture)]", "caption (this|the picture|the screenshot)", "(summarize|summarise|outline|explain|portray|comment on) (the picture|this image|what you see|the screenshot)", "tell me about (this|the picture|the screenshot|it)", "give an overview[ of the picture]"]},
    "advice": {
        "ask": ["what (should|can|must|do|could) (I|we|the customer|the user|a user|the client) do[ now| next| about (it|this)| here]", "how (should|can|do) (I|we) (help|support|assist) the (customer|user|client)", "how (should|can|do) (I|we) (fix|solve|handle|deal with|react to) (it|this|the problem)", "what (is|'s) the (next step|best step|right thing to do|solution)", "what (now|next)",
                "what do you (advise|suggest|recommend)", "what would you (advise|suggest|recommend|do)", "what would be (wise|best|sensible|right)[ now]", "how (should|do|can) (I|we) (respond|react|continue|go on)", "what is (expected|needed|required)[ from (me|the user)]"],
        "clause": ["what (I|we|the customer|the user) (should|can|must|could) do[ now| next]", "what to do[ now| next| about (it|this)]", "how to (help the customer|fix it|fix this|solve this|handle this|deal with it)", "what you (advise|suggest|recommend)"],
        "noun": ["[the] (next step|advice|solution|recommendation)", "[your] (advice|recommendation|suggestion)", "some advice"],
        "do": ["(help me|help the customer|advise me|advise the customer|give me advice|suggest a next step)[ with this]"]},
    "same-class": {
        "ask": ["(do|are) both (pictures|images|photos) (show|of) the same (product|item|thing|kind of product|kind of item|type of product)", "is it the same (product|item|thing|kind of product|kind of item)[ in both (pictures|images|photos)| on both]", "are (the two|these|they|both) [products |items |things ](the same (kind|type|product|item)|the same kind of (product|item|thing))", "do the (pictures|two pictures|images|two images|photos) show the same (product|item|kind of product|type of product)",
                "same (product|item|kind of product|kind)[ in both]", "is the (product|item) the same[ in both (pictures|images)]", "are these two [of] the same kind"],
        "clause": ["(if|whether) (both (pictures|images) show the same (product|item|kind of product)|the (product|item) is the same|they are the same (product|kind|kind of product)|it is the same (product|item) in both)"],
        "do": ["(check|say|compare) (if|whether) (both pictures show the same (product|item)|the products are the same kind)"]},
    "same-colour": {
        "ask": [f"(do|are) both (pictures|images|photos) (show|of) the same {CL}", f"do (both|they|the two|these|both items|both products|the two products|the items) have the same {CL}", f"are (both|they|the two|these|both items|both products|the two items|the products) (the same {CL}|of the same {CL}|equal in {CL})", f"is the {CL} the same[ in both (pictures|images)]", f"same {CL}[ in both| or not]", f"do the {CL}s match",
                f"is it the same {CL}[ in both (pictures|images)| on both]"],
        "clause": [f"(if|whether) (both|they|the two|the items|the products) (have|are) the same {CL}", f"(if|whether) the {CL} is the same", f"(if|whether) the {CL}s match"],
        "do": [f"(check|say|compare) (if|whether) (both|they|the items|the products) have the same {CL}"]},
    "same-price": {
        "ask": ["(do|are) both (pictures|images|photos) (show|of) the same price", "do (both|they|the two|these|both items|both products|the items) (have the same price|cost the same|cost equally much)", "is the price the same[ in both (pictures|images)]", "are (the prices|both prices|the two prices) (the same|equal|identical)", "same price[ in both| or not]", "do the prices match",
                "(does|do) (the first and the second|one and the other) cost the same"],
        "clause": ["(if|whether) (both|they|the two|the items|the products) (have the same price|cost the same)", "(if|whether) the prices (match|are the same|are equal)"],
        "do": ["(check|say|compare) (if|whether) (both|they|the items|the products) (cost the same|have the same price)"]},
    "nth-class": {
        "ask": ["what (is|'s) in the {nth} (picture|image|photo)", "(what|which) (product|item|thing) (is|do you see) in the {nth} (picture|image|photo)", "what does the {nth} (picture|image|photo|one) show"],
        "clause": ["what (is|you see) in the {nth} (picture|image|photo)", "what the {nth} (picture|image|one) shows"], "noun": ["the (item|product) in the {nth} (picture|image|photo)", "the {nth} (item|product)"], "do": ["(name|identify) the (item|product) in the {nth} (picture|image|photo)"]},
    "nth-colour": {
        "ask": [f"(what|which) {CL} is (the (item|product|thing|one) in the {{nth}} (picture|image|photo)|the {{nth}} (item|product|one))", f"(what|which) {CL} does the {{nth}} (picture|image|photo) show"],
        "clause": [f"(what|which) {CL} the (item|product) in the {{nth}} (picture|image|photo) is"], "noun": [f"[the] {CL} (in the {{nth}} (picture|image|photo)|of the {{nth}} (item|product|one))"], "do": [f"name the {CL} in the {{nth}} (picture|image|photo)"]},
    "nth-price": {
        "ask": ["what (is|'s) the price in the {nth} (picture|image|photo)", "how much (is|does) the {nth} (one|item|product)[ cost]", "(how much|what) does the (item|product) in the {nth} (picture|image|photo) cost"],
        "clause": ["what the (item|product) in the {nth} (picture|image|photo) costs", "how much the {nth} (one|item|product) (costs|is)"], "noun": ["[the] price (in the {nth} (picture|image|photo)|of the {nth} (item|product|one))"], "do": ["read the price in the {nth} (picture|image|photo)"]},
}
FORMS["what"] = FORMS["class"]

FRAMES = {
    "ask": ["{x}?", "{x}?", "{x}?", "{x}?", "{x}", "{x}", "please, {x}?", "hi, {x}?", "hello, {x}?", "excuse me, {x}?", "hey, {x}?", "quick question: {x}?", "in this picture, {x}?", "{x}, please?", "{x} please", "look at the picture: {x}?", "so, {x}?", "ok, {x}?", "tell me, {x}?", "sorry, {x}?", "and {x}?", "question: {x}?", "{x}? Thanks",
            "{x}? Answer briefly.", "be honest: {x}?", "hm, {x}?", "um, {x}?", "well, {x}?", "now {x}?", "one thing: {x}?", "{x}, you know?", "ok then, {x}?", "just curious: {x}?", "{x}? Thank you!", "my question is: {x}?", "{x}, if I may ask?", "here is a picture. {x}?", "{x} in your opinion?", "first of all, {x}?", "and now: {x}?", "I have a question. {x}?"],
    "clause": ["tell me {x}.", "tell me {x}", "please tell me {x}.", "can you tell me {x}?", "could you tell me {x}?", "could you please tell me {x}?", "would you tell me {x}?", "I'd like to know {x}.", "I would like to know {x}.", "I want to know {x}.", "I want to know {x}", "do you know {x}?", "let me know {x}.", "I wonder {x}.", "any idea {x}?", "please say {x}.",
               "can you say {x}?", "I need to know {x}.", "help me find out {x}.", "can you see {x}?", "hi, can you tell me {x}?", "I'm curious {x}.", "would you mind telling me {x}?", "I was wondering {x}.", "are you able to tell me {x}?", "explain {x}, please."],
    "noun": ["{x}?", "{x}?", "{x}", "{x} please", "{x}, please.", "what is {x}?", "what's {x}?", "tell me {x}.", "please tell me {x}.", "give me {x}.", "I need {x}.", "I'd like to know {x}.", "I want to know {x}.", "can you tell me {x}?", "could you give me {x}?", "and {x}?", "how about {x}?", "what about {x}?", "just {x}.", "say {x}.", "may I have {x}?", "can I get {x}?",
             "show me {x}.", "{x}, quickly", "looking for {x}"],
    "do": ["{x}.", "{x}.", "{x}", "please {x}.", "{x}, please.", "{x} please", "can you {x}?", "could you {x}?", "could you please {x}?", "would you {x}?", "I want you to {x}.", "I'd like you to {x}.", "kindly {x}.", "go ahead and {x}.", "now {x}.", "help me: {x}.", "hi, please {x}.", "are you able to {x}?"],
}

SYNONYMS = {"t-shirt": ["tee", "tshirt", "T-shirt", "tee shirt"], "trousers": ["pants", "pair of trousers", "slacks"], "pullover": ["sweater", "jumper"], "coat": ["jacket", "overcoat"], "dress": ["gown", "frock"], "sandal": ["sandals"], "sneaker": ["trainer", "sneakers", "running shoe"], "bag": ["handbag", "purse"],
            "ankle boot": ["boot", "short boot"], "grey": ["gray"], "purple": ["violet"], "cyan": ["turquoise", "light blue"], "on the left": ["on the left side", "to the left", "at the left"], "on the right": ["on the right side", "to the right", "at the right"], "at the top": ["on top", "at the upper edge"],
            "at the bottom": ["at the lower edge", "down below"], "in the middle": ["in the centre", "in the center"], "at the top left": ["in the top left corner", "in the upper left", "top left"], "at the top right": ["in the top right corner", "in the upper right", "top right"],
            "at the bottom left": ["in the bottom left corner", "in the lower left", "bottom left"], "at the bottom right": ["in the bottom right corner", "in the lower right", "bottom right"]}

OUTSIDE = ["what is the capital of (France|Japan|Italy|Spain|China)", "who (won the match|is the president|wrote this|painted this|is this person|made this)", "what (time|day|year|date) is it", "(write|tell me) a (poem|joke|story|song)", "(what|how) is the weather[ (today|tomorrow|like)]", "what is (two plus two|3 times 4|the square root of 9|12 minus 5)",
           "translate this (into|to) (German|French|Spanish|Russian)", "how old (is (he|she|this person)|are you|is it)", "(what|which) (animal|dog|bird|car|flower|tree|city|country|building|food|planet|book|song) is (this|it|that)", "where was (this|it|the photo) taken", "who is (he|she|that|in the picture)", "what is the (meaning of life|best phone|news|score)",
           "(is it|is this) (a cat|a dog|a car|a flower|a person|a tree|a house)", "how (tall|heavy|far|fast) is (it|this|that)", "(recommend|suggest) a (film|restaurant|book|recipe|hotel)", "how do I (cook rice|get home|learn English|lose weight|install Linux)", "(write|fix) (some|my|this) (code|program|email|essay)", "what is your (favourite colour|age|opinion on politics)",
           "(who|what) is (Napoleon|Einstein|Bitcoin|Python)", "what should I (eat|wear|read|watch)[ today| tonight]", "does (he|she) look happy", "is (he|she) smiling", "how many (people|cats|trees|cars|stars|birds) are there", "which (brand|material|size|fabric) is (it|this)", "who (made|designed|sells) (it|this)", "what (brand|material|size|fabric) is (it|this)", "is it (expensive|cheap|good|beautiful|new|warm)",
           "what is (5 plus 7|90 minus 20|100 divided by 4)", "(order|call|get) (me|us) (a pizza|a taxi|tickets|a coffee)", "(will it|is it going to) (rain|snow)[ today| soon]", "who (invented|discovered|built) (the telephone|gravity|the pyramids|radium)", "(play|stop) (music|the video|a game)",
           "can you (drive|swim|dance|cook|sleep)", "(set|start) (an alarm|a timer)", "what does (a house|gold|a horse) cost", "(which|what) (player|party|country|movie) (won|is the best|do you like)", "(tell|teach) me (something|about history|a secret)", "what language (is this|do you speak)", "where (do you live|is my phone|is Paris)",
           "why is (the sky blue|grass green|water wet)", "(send|read) (my|an) (message|mail|news)", "what (should|do) I (cook|say|study)"]
