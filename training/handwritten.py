"""Questions typed freely, by form and language: for evaluation only. None was checked against the grammar of phrases.py, and none may be added to it."""

ASKED = {
    "class": {"en": ["whats this thing called", "I found this online, any clue what it is?", "name of the article pls", "So what have we got here?", "Is this clothing or what? Name it.", "what exactly am I being shown", "Which of your products is that?", "hmm what could this be"],
              "zh": ["这玩意儿叫什么名字", "看图识物：这是？", "麻烦认一下这是个什么物件", "这到底是啥呀", "图中展示的商品属于哪一类", "这张照片拍的是哪样东西？", "给我说说这件是什么", "猜猜这是什么"]},
    "colour": {"en": ["whats the colour", "colour pls", "Say the colour in one word", "What's its main color then?", "If you had to name the colour, what would it be?", "how would you call that colour", "paint colour of the thing?", "which color did they use"],
               "zh": ["颜色呢", "啥颜色的呀", "用一个词说颜色", "这东西什么色儿", "它的主色调是哪个", "衣服还是鞋不重要，颜色是？", "看看是什么颜色的", "说下颜色就行"]},
    "pattern": {"en": ["any pattern on it?", "stripes, dots, checks or nothing?", "whats the pattern like", "What does the fabric's pattern look like?", "Plain or patterned, which one?", "pattern pls", "what's printed on it", "tell me about its pattern"],
                "zh": ["有花纹吗，是哪种", "条纹还是格子？", "上面的图案是哪种", "花色是什么样的", "布料的图案？", "说一下花纹就行", "是素色的还是带图案的", "它的样式是什么图案"]},
    "count": {"en": ["how many things in there", "Number of items?", "how many pieces can you make out", "I need the count", "Would you count what's in the window?", "how many goods altogether", "so how many is that", "tell me the quantity"],
              "zh": ["里面一共几样东西", "数量？", "能数出多少件吗", "总共有几样", "橱窗里摆了几件", "几件呀", "帮我数数看有几个", "告诉我件数"]},
    "price": {"en": ["price?", "how much $$", "whats the damage", "What would I have to shell out for this?", "could u read me the price", "the tag says?", "is there a price, and which", "How much are they asking?"],
              "zh": ["多少米", "价位是多少", "这要花我多少钱", "标签写了多少", "能念下价钱不", "售价？", "得掏多少钱", "这货卖几块"]},
    "code": {"en": ["code?", "whats the error number", "gimme the code", "Which three digits does it say?", "can you make out the number in the window", "the number shown is?", "I need the digits from that popup", "read out the numeric code please"],
             "zh": ["代码？", "错误号是几", "窗口里那三位数是多少", "把数字念给我听", "弹窗上的号码", "报错码多少", "那个编号是几号", "屏幕上写的数字是？"]},
    "dialog": {"en": ["what sort of popup is that", "error or warning?", "which type of message did I get", "Is that a warning or just info?", "classify the dialog", "kind of window?", "what is this popup about, error, warning or success", "Did something go wrong or did it work?"],
               "zh": ["这是报错还是警告", "哪种弹窗", "这个提示属于什么类型", "是成功了还是失败了", "消息类别是？", "弹的是什么框", "这个窗口是报错吗还是别的", "给对话框归个类"]},
    "advice": {"en": ["and what do I do now?", "how do I get out of this", "What would you recommend to the customer?", "next steps please", "help, what now", "whats the customer supposed to do", "how to proceed", "Any advice?"],
               "zh": ["那我接下来干嘛", "怎么处理好", "给客户什么建议", "下一步呢", "救命，咋办", "客户应该怎么操作", "请给出处理建议", "这种情况我要做什么"]},
    "describe": {"en": ["tell me what you can make out", "a one line description please", "whats going on in this picture", "Sum up the picture.", "picture summary", "Put into words what is shown", "Describe everything on the image for me", "how does it look? describe"],
                 "zh": ["用一句话概括这张图", "说说你看见了什么", "图片大意", "这图讲了啥", "把图里的东西描述给我", "来段说明文字", "请概述图片", "图上都有些啥"]},
    "outside": {"en": ["whats the weather gonna be tomorrow", "who is the king of England", "Can you book me a flight?", "sing me a song", "7 times 8?", "Which football team is best?"],
                "zh": ["明天会下雨吗", "英国国王是谁", "帮我订张机票", "给我唱首歌", "七乘以八是多少", "哪支球队最厉害"]},
}
