/**
 * What the words before a number say of it. A word right before it names it (`订单号：`); one a little further off still
 * makes a kind likely (`我的卡号是`). The lists are words of forms and messages, collected by hand.
 */

/** How sure a find is: a policy's standing rule acts from 0.5 on. */
export const scores = { certain: 0.95, likely: 0.8, weak: 0.4 } as const;
export type Confidence = keyof typeof scores;

/** As far as words before a number are looked at, in UTF-16 units. */
export const contextLength = 32;

const between = "(?:号码|号|no|id|为|是|[ \\t\\n:#=.\"'(\\[/-]){0,6}$";
const near = "[^\\n]{0,12}$";

/** Numbers of things. */
const things = new RegExp(
  `(?:订单|单|流水|运单|快递|物流|imei|meid|isbn|issn|条码|条形码|ean|upc|gtin|序列|s/?n|编|型|版本|货|sku|商品|批|发票|合同|案|工单|order|invoice|serial|tracking|version|build|model|ticket|item|part|batch|mid|uuid|timestamp|时间戳)${between}`,
  "i",
);

const words = {
  phone: "电话|手机|联系|座机|热线|拨打|致电|短信|tel|phone|mobile|cell|call|whatsapp|fax|传真|微信",
  bank_card:
    "卡号|银行卡|信用卡|储蓄卡|借记卡|账号|帐号|账户|打款|转账|汇款|付款|收款|card|visa|master|amex|account|cvv|unionpay|银联",
  id_card: "身份证|证件|身份号|公民身份|id card|identity|idcard",
  passport: "护照|通行证|passport",
  ip_address: "ip|服务器|主机|host|server|ping|ssh|http|地址|address|登录|访问",
  credit_code: "信用代码|统一代码|税号|纳税人|uscc|usci",
} as const;
export type ContextKind = keyof typeof words;

const raising = Object.fromEntries(
  Object.entries(words).map(([kind, list]) => [kind, new RegExp(`(?:${list})${near}`, "i")]),
) as Readonly<Record<ContextKind, RegExp>>;

/** @param before the end of the text before the number */
export function contextOf(kind: ContextKind, before: string): "names" | "denies" | "silent" {
  const end = before.slice(-contextLength);
  if (raising[kind].test(end.slice(-20))) return things.test(end) ? "silent" : "names";
  return things.test(end) ? "denies" : "silent";
}
