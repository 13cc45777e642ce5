"""Questions and answers about a scene record, in English and Chinese.

Every function of `SHOP` and `DESK` takes (plan, rng, language) and returns a question or None where the scene
does not allow an unambiguous one. Answers are short and canonical, so they can be scored by exact match.
The language of the answer is the language of the question.
"""
from scenes import COLOURS, PATTERNS

ITEMS = {"en": ["t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
         "zh": ["T恤", "裤子", "套头衫", "连衣裙", "外套", "凉鞋", "衬衫", "运动鞋", "包", "短靴"]}
TINT = {"en": COLOURS, "zh": ["红色", "橙色", "黄色", "绿色", "青色", "蓝色", "紫色", "粉色", "棕色", "黑色", "白色", "灰色"]}
PATTERN = {"en": PATTERNS, "zh": ["纯色", "条纹", "圆点", "格子"]}
NUMBER = {"en": ["No", "One", "Two", "Three", "Four"], "zh": ["零", "一", "两", "三", "四"]}
PLACE = {"en": {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom", "middle": "in the middle",
                "top left": "at the top left", "top right": "at the top right", "bottom left": "at the bottom left", "bottom right": "at the bottom right"},
         "zh": {"left": "左边", "right": "右边", "top": "上面", "bottom": "下面", "middle": "中间",
                "top left": "左上角", "top right": "右上角", "bottom left": "左下角", "bottom right": "右下角"}}
MEASURE = ["件", "条", "件", "条", "件", "只", "件", "只", "个", "只"]
KIND = {"en": {"error": "Error", "warning": "Warning", "info": "Information", "success": "Success", "loading": "Loading"},
        "zh": {"error": "错误", "warning": "警告", "info": "提示", "success": "成功", "loading": "加载"}}
WINDOW = {"error": "an error dialog", "warning": "a warning dialog", "info": "an information dialog", "success": "a success dialog", "loading": "a loading dialog"}
ADVICE = {"en": {"error": "Note the code and contact support.", "warning": "Save your work and check the settings.", "info": "Read the message and press the button.",
                 "success": "Nothing more, it is done.", "loading": "Please wait a moment."},
          "zh": {"error": "记下代码并联系客服。", "warning": "先保存,再检查设置。", "info": "阅读内容后点击按钮。", "success": "已经完成,无需操作。", "loading": "请稍等片刻。"}}
REFUSAL = {"en": "I only know shop windows and dialog boxes; I cannot tell.", "zh": "我只认识商店橱窗和对话框，看不懂这张图。"}
UNREADABLE = {"price": {"en": "I cannot read the price.", "zh": "看不清价格。"}, "code": {"en": "I cannot read the code.", "zh": "看不清代码。"}}

ASK = {
    "class": {"en": ["What is this?", "What product is this?", "What kind of product is shown?", "What is in the picture?", "Which product do you see?", "What is it?"],
              "zh": ["这是什么?", "这是什么商品?", "图里是什么?", "图片中的商品是什么?", "你看到了什么商品?", "这是哪种商品?"]},
    "class-place": {"en": ["What is {place}?", "What product is {place}?", "Which item is {place}?"], "zh": ["{place}是什么?", "{place}是什么商品?", "图中{place}是什么?"]},
    "class-colour": {"en": ["What is the {colour} item?", "Which product is {colour}?", "What is {colour} here?"], "zh": ["{colour}的是什么?", "{colour}的商品是什么?", "哪种商品是{colour}的?"]},
    "colour": {"en": ["What colour is it?", "Which colour does it have?", "What colour is the product?", "What is the colour?", "What color is it?"],
               "zh": ["它是什么颜色?", "这件商品是什么颜色?", "什么颜色?", "颜色是什么?"]},
    "colour-item": {"en": ["What colour is the {item}?", "Which colour does the {item} have?", "What color is the {item}?"], "zh": ["{item}是什么颜色?", "图中的{item}是什么颜色?", "{item}的颜色是什么?"]},
    "colour-place": {"en": ["What colour is the item {place}?", "Which colour is the product {place}?"], "zh": ["{place}的商品是什么颜色?", "{place}是什么颜色?"]},
    "pattern": {"en": ["What pattern does it have?", "Which pattern is it?", "Is it plain, striped, dotted or checked?", "What is the pattern?"],
                "zh": ["它是什么图案?", "这件商品是什么花纹?", "什么图案?", "是纯色、条纹、圆点还是格子?"]},
    "pattern-item": {"en": ["What pattern does the {item} have?", "Which pattern is on the {item}?", "Is the {item} plain, striped, dotted or checked?"],
                     "zh": ["{item}是什么图案?", "{item}是什么花纹?", "{item}的图案是什么?"]},
    "pattern-place": {"en": ["What pattern does the item {place} have?", "Which pattern is on the product {place}?"], "zh": ["{place}的商品是什么图案?", "{place}的商品是什么花纹?"]},
    "count": {"en": ["How many items are there?", "How many products do you see?", "How many products are in the picture?", "Count the items."],
              "zh": ["有几件商品?", "图中有多少件商品?", "一共有几件?", "数一数有几件商品。"]},
    "where": {"en": ["Where is the {item}?", "Where can I find the {item}?", "Where is the {item} in the picture?"], "zh": ["{item}在哪里?", "{item}在图中什么位置?", "{item}在什么地方?"]},
    "where-colour": {"en": ["Where is the {colour} item?", "Where is the {colour} product?"], "zh": ["{colour}的商品在哪里?", "{colour}的在哪里?"]},
    "presence": {"en": ["Is there {a_item}?", "Do you see {a_item}?", "Is {a_item} in the picture?"], "zh": ["有{item}吗?", "图中有{item}吗?", "能看到{item}吗?"]},
    "presence-colour": {"en": ["Is there anything {colour}?", "Do you see any {colour} item?"], "zh": ["有{colour}的商品吗?", "图中有{colour}的商品吗?"]},
    "match": {"en": ["Does this text match the picture: {text}?", "Does the picture show {text}?", "Is this correct: {text}?", "True or false: the picture shows {text}."],
              "zh": ["这段文字和图片相符吗:{text}?", "图中是{text}吗?", "描述正确吗:{text}?", "图片和文字一致吗:{text}?"]},
    "price": {"en": ["What is the price?", "How much is it?", "How much does it cost?", "Read the price tag.", "What does it cost?"], "zh": ["价格是多少?", "多少钱?", "这件商品多少钱?", "读一下价格标签。", "标价是多少?"]},
    "title": {"en": ["Write a product title.", "Give this product a title.", "What would be a good title?"], "zh": ["写一个商品标题。", "给这件商品起个标题。", "商品标题是什么?"]},
    "describe": {"en": ["Describe this product.", "Describe the picture.", "Write a product description.", "What do you see?"], "zh": ["描述这件商品。", "描述这张图片。", "写一段商品描述。", "你看到了什么?"]},
    "dialog": {"en": ["What kind of dialog is this?", "Which kind of message is shown?", "Is this an error, a warning, information, success or loading?", "What type of dialog is it?"],
               "zh": ["这是什么类型的对话框?", "这是什么提示窗口?", "这是哪种消息?", "对话框是什么类型?"]},
    "code": {"en": ["Which code is shown?", "What is the code?", "Read the code.", "What code does the dialog show?"], "zh": ["代码是多少?", "显示的代码是什么?", "读一下代码。", "对话框里的代码是多少?"]},
    "dialog-code": {"en": ["What kind of dialog is it and which code does it show?", "Name the dialog and its code."], "zh": ["这是什么对话框,代码是多少?", "说出对话框类型和代码。"]},
    "screenshot": {"en": ["Describe this screenshot.", "What does this screenshot show?", "Describe the picture.", "What do you see?"],
                   "zh": ["描述这张截图。", "这张截图显示了什么?", "描述这张图片。", "你看到了什么?"]},
    "what": {"en": ["What is this?", "What is in the picture?", "What is it?"], "zh": ["这是什么?", "图里是什么?"]},
    "advice": {"en": ["What should the customer do now?", "What should I do now?", "What should the user do next?", "How should I help the customer?"],
               "zh": ["客户现在该怎么办?", "现在应该怎么做?", "用户接下来该做什么?", "我该怎么办?"]},
    "same-class": {"en": ["Do both pictures show the same kind of product?", "Is it the same kind of product?"], "zh": ["两张图是同一种商品吗?", "是同一种商品吗?"]},
    "same-colour": {"en": ["Do both products have the same colour?", "Is the colour the same?"], "zh": ["两件商品颜色相同吗?", "颜色一样吗?"]},
    "same-price": {"en": ["Do both cost the same?", "Is the price the same?"], "zh": ["两件商品价格相同吗?", "价格一样吗?"]},
    "nth-class": {"en": ["What is in the {nth} picture?"], "zh": ["{nth}图是什么?"]},
    "nth-colour": {"en": ["What colour is the {nth} product?"], "zh": ["{nth}图是什么颜色?"]},
    "nth-price": {"en": ["What is the price in the {nth} picture?"], "zh": ["{nth}图价格是多少?"]},
}


WIDE = str.maketrans("?,:", "\uff1f\uff0c\uff1a")


def say(kind, rng, language, answer, form=None, accept=(), **slots):
    """One question record; the phrasing is drawn from ASK. Chinese is set with full-width punctuation."""
    forms = ASK[form or kind][language]
    question = forms[int(rng.integers(len(forms)))].format(**slots)
    if language == "zh":
        question, answer = question.translate(WIDE), answer.translate(WIDE)
    record = {"kind": kind, "language": language, "question": question, "answer": answer, "form": form or kind, "slots": slots}
    return {**record, "accept": list(accept)} if accept else record


def written(record):
    """A question record as files keep it, without the form it can be put in other words by."""
    return {n: v for n, v in record.items() if n not in ("form", "slots")}


def a_item(code):
    """The item with its English article."""
    name = ITEMS["en"][code]
    return name if name == "trousers" else f"an {name}" if name[0] in "aeiou" else f"a {name}"


def full_name(item, language):
    """`a red striped dress`, `红色条纹连衣裙`."""
    colour, pattern, name = TINT[language][item["colour"]], PATTERN[language][item["pattern"]], ITEMS[language][item["class"]]
    if language == "zh":
        return f"{colour}{pattern}{name}"
    words = f"{colour} {pattern} {name}"
    return words if name == "trousers" else f"an {words}" if colour[0] in "aeiou" else f"a {words}"


def sentence(words):
    return words[0].upper() + words[1:] + "."


def item_answer(code, language):
    return sentence(a_item(code)) if language == "en" else ITEMS["zh"][code] + "。"


def word_answer(word, language):
    return sentence(word) if language == "en" else word + "。"


def yes(value, language):
    return {"en": ("No.", "Yes."), "zh": ("否。", "是。")}[language][int(value)]


def unique(items, field):
    """Items whose value of `field` no other item of the scene shares."""
    values = [i[field] for i in items]
    return [i for i in items if values.count(i[field]) == 1]


def pick(things, rng):
    return things[int(rng.integers(len(things)))] if things else None


# ---------------------------------------------------------------- shop window

def about_item(plan, rng, language, kind, answer):
    """A question on one attribute of one item: the only one, or one named by class or place."""
    items = plan["items"]
    if len(items) == 1:
        item = items[0]
        if kind != "class" and rng.random() < .25:
            return say(kind, rng, language, answer(item), f"{kind}-item", item=ITEMS[language][item["class"]])
        return say(kind, rng, language, answer(item))
    by_class = unique(items, "class") if kind != "class" else []
    if by_class and rng.random() < .5:
        item = pick(by_class, rng)
        return say(kind, rng, language, answer(item), f"{kind}-item", item=ITEMS[language][item["class"]])
    by_colour = unique(items, "colour") if kind == "class" else []
    if by_colour and rng.random() < .4:
        item = pick(by_colour, rng)
        return say(kind, rng, language, answer(item), "class-colour", colour=TINT[language][item["colour"]])
    item = pick(items, rng)
    return say(kind, rng, language, answer(item), f"{kind}-place", place=PLACE[language][item["place"]])


def ask_class(plan, rng, language):
    return about_item(plan, rng, language, "class", lambda i: item_answer(i["class"], language))


def ask_colour(plan, rng, language):
    return about_item(plan, rng, language, "colour", lambda i: word_answer(TINT[language][i["colour"]], language))


def ask_pattern(plan, rng, language):
    return about_item(plan, rng, language, "pattern", lambda i: word_answer(PATTERN[language][i["pattern"]], language))


def ask_count(plan, rng, language):
    n = len(plan["items"])
    answer = f"{NUMBER['en'][n]}." if language == "en" else f"{NUMBER['zh'][n]}件。"
    return say("count", rng, language, answer, accept=[str(n)])


def ask_where(plan, rng, language):
    known = [i for i in plan["items"] if i["place"]]
    by_class, by_colour = [[i for i in unique(plan["items"], f) if i in known] for f in ("class", "colour")]
    chosen = by_class if rng.random() < .65 else by_colour
    item = pick(chosen or by_class, rng)
    if not item:
        return None
    place = PLACE[language][item["place"]]
    answer = sentence(place) if language == "en" else f"在{place}。"
    if chosen is by_class or not chosen:
        return say("where", rng, language, answer, item=ITEMS[language][item["class"]])
    return say("where", rng, language, answer, "where-colour", colour=TINT[language][item["colour"]])


def ask_presence(plan, rng, language):
    field = "class" if rng.random() < .7 else "colour"
    there = {i[field] for i in plan["items"]}
    value = rng.random() < .5
    absent = [c for c in range(10 if field == "class" else 12) if c not in there]
    code = pick(sorted(there) if value else absent, rng)
    if field == "class":
        return say("presence", rng, language, yes(value, language), a_item=a_item(code), item=ITEMS[language][code])
    return say("presence", rng, language, yes(value, language), "presence-colour", colour=TINT[language][code])


def ask_match(plan, rng, language, value=None):
    """A full description, true or with one attribute changed so that no item of the scene fits it."""
    value = rng.random() < .5 if value is None else value
    item = dict(pick(plan["items"], rng))
    facts = lambda i: (i["class"], i["colour"], i["pattern"])
    field = ("class", "colour", "pattern")[int(rng.choice(3, p=[.45, .35, .2]))]
    while not value and facts(item) in [facts(i) for i in plan["items"]]:
        item[field] = int(rng.integers({"class": 10, "colour": 12, "pattern": 4}[field]))
    return say("match", rng, language, yes(value, language), text=full_name(item, language))


def price_text(tag):
    return f"{tag['currency']}{tag['value']}"


def ask_price(plan, rng, language):
    if not plan["tag"]:
        return say("no-price", rng, language, {"en": "There is no price tag.", "zh": "没有价格标签。"}[language], "price")
    if plan.get("unclear"):
        return say("unreadable", rng, language, UNREADABLE["price"][language], "price")
    return say("price", rng, language, price_text(plan["tag"]) + {"en": ".", "zh": "。"}[language])


def title_text(item, language):
    words = full_name(item, language)
    return words if language == "zh" else " ".join(w.capitalize() for w in words.removeprefix("an ").removeprefix("a ").split(" "))


def ask_title(plan, rng, language):
    if len(plan["items"]) != 1:
        return None
    return say("title", rng, language, title_text(plan["items"][0], language))


def reading_order(items):
    rows = {"top": 0, "top left": 0, "left": 1, "top right": 1, "right": 2, "bottom left": 2, "bottom": 3, "bottom right": 3}
    return sorted(items, key=lambda i: rows.get(i["place"], 0))


def describe_text(plan, language):
    items, tag = reading_order(plan["items"]), None if plan.get("unclear") else plan["tag"]
    names = [full_name(i, language) for i in items]
    if language == "en":
        body = sentence(names[0]) if len(items) == 1 else f"{NUMBER['en'][len(items)]} items: {', '.join(names[:-1])} and {names[-1]}."
        return body + (f" The price is {price_text(tag)}." if tag else "")
    body = f"一{MEASURE[items[0]['class']]}{names[0]}。" if len(items) == 1 else f"{NUMBER['zh'][len(items)]}件商品:{'、'.join(names)}。"
    return body + (f"价格{price_text(tag)}。" if tag else "")


def ask_describe(plan, rng, language):
    return say("describe", rng, language, describe_text(plan, language))


# ---------------------------------------------------------------- help desk

def ask_dialog(plan, rng, language):
    return say("dialog", rng, language, word_answer(KIND[language][plan["kind"]], language))


def ask_code(plan, rng, language):
    if plan.get("unclear"):
        return say("unreadable", rng, language, UNREADABLE["code"][language], "code")
    return say("code", rng, language, plan["code"] + {"en": ".", "zh": "。"}[language])


def ask_dialog_code(plan, rng, language):
    kind = KIND[language][plan["kind"]]
    if plan.get("unclear"):
        return say("unreadable", rng, language, kind + (". " if language == "en" else "。") + UNREADABLE["code"][language], "dialog-code")
    return say("dialog-code", rng, language, f"{kind}, code {plan['code']}." if language == "en" else f"{kind},代码{plan['code']}。")


def ask_screenshot(plan, rng, language):
    if plan.get("unclear"):
        return say("describe", rng, language, f"{sentence(WINDOW[plan['kind']])[:-1]} with a code I cannot read." if language == "en" else f"{KIND['zh'][plan['kind']]}对话框,看不清代码。", "screenshot")
    if language == "en":
        return say("describe", rng, language, f"{sentence(WINDOW[plan['kind']])[:-1]} with code {plan['code']}.", "screenshot")
    return say("describe", rng, language, f"{KIND['zh'][plan['kind']]}对话框,代码{plan['code']}。", "screenshot")


def ask_what(plan, rng, language):
    return say("what", rng, language, sentence(WINDOW[plan["kind"]]) if language == "en" else f"{KIND['zh'][plan['kind']]}对话框。")


def ask_advice(plan, rng, language):
    return say("advice", rng, language, ADVICE[language][plan["kind"]])


SHOP = {"class": (ask_class, 3.2), "colour": (ask_colour, 1.4), "pattern": (ask_pattern, 1.2), "count": (ask_count, .8), "where": (ask_where, .9),
        "presence": (ask_presence, .9), "match": (ask_match, 2.2), "price": (ask_price, 1.), "title": (ask_title, .5), "describe": (ask_describe, 1.4)}
DESK = {"dialog": (ask_dialog, 1.), "code": (ask_code, 1.6), "dialog-code": (ask_dialog_code, .5), "describe": (ask_screenshot, .7), "what": (ask_what, .3), "advice": (ask_advice, .8)}
SMALL_TALK = {"en": [("Who are you?", "I am Ocellus, a small model for shop and help-desk pictures."), ("Hello!", "Hello! Show me a picture."),
                     ("What can you do?", "I describe products and dialogs and read prices and codes."), ("Thank you!", "You are welcome."), ("Goodbye!", "Goodbye!")],
              "zh": [("你是谁?", "我是Ocellus,一个看商品图和截图的小模型。"), ("你好!", "你好!请给我一张图片。"), ("你能做什么?", "我能描述商品和对话框,读价格和代码。"), ("谢谢!", "不客气。"), ("再见!", "再见!")]}
SYSTEM = {"en": ["You are a helpful assistant.", "Answer briefly.", "You are a shop assistant.", "You help customers with their pictures."],
          "zh": ["你是一个乐于助人的助手。", "请简短回答。", "你是商店助手。", "你帮助客户看图片。"]}


def ask(plan, rng, language=None):
    """One random question on a scene."""
    table = DESK if plan["type"] == "dialog" else SHOP
    weights = [w * (.25 if k == "price" and not plan.get("tag") else 2.5 if k == "price" else 1) for k, (_, w) in table.items()]
    total = sum(weights)
    language = language or ("en", "zh")[int(rng.random() < .5)]
    while True:
        name = list(table)[int(rng.choice(len(weights), p=[w / total for w in weights]))]
        question = table[name][0](plan, rng, language)
        if question:
            return question
