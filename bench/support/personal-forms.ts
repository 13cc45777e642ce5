/**
 * Personal data as people write it, and what only looks like it: for each kind a generator of made-up values, the forms they
 * are written in, and near-misses of like length. From a seed, so that every run asks the same.
 */

import { mulberry } from "./evasions.js";

export { mulberry as seeded };
export type Random = () => number;

export const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
export const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => Math.floor(random() * 10)).join("");
const two = (value: number) => String(value).padStart(2, "0");
const between = (random: Random, from: number, to: number) => from + Math.floor(random() * (to - from + 1));

function luhn(start: string, length: number, random: Random): string {
  const body = start + digits(random, length - start.length - 1);
  const sum = [...body].reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return body + ((10 - (sum % 10)) % 10);
}

const provinces = ["11", "31", "44", "33", "51", "62", "65"];
const date = (random: Random) =>
  `${between(random, 1950, 2012)}${two(between(random, 1, 12))}${two(between(random, 1, 28))}`;
const idWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

function idCard(random: Random): string {
  const body = pick(random, provinces) + digits(random, 4) + date(random) + digits(random, 3);
  const sum = idWeights.reduce((total, weight, i) => total + weight * Number(body[i]), 0);
  return body + "10X98765432"[sum % 11];
}

function creditCode(random: Random): string {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  const inner = digits(random, 8);
  const rest = [3, 7, 9, 10, 5, 8, 4, 2].reduce((sum, weight, i) => sum + weight * letters.indexOf(inner[i]!), 0) % 11;
  const check = "0X987654321"[rest]!;
  const body = `91${pick(random, provinces)}${digits(random, 4)}${inner}${check}`;
  const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
  const sum = weights.reduce((total, weight, i) => total + weight * alphabet.indexOf(body[i]!), 0);
  return body + alphabet[(31 - (sum % 31)) % 31];
}

const mobile = (random: Random) => `1${between(random, 3, 9)}${digits(random, 9)}`;
const grouped = (text: string, lengths: readonly number[], sign: string) => {
  let at = 0;
  return lengths
    .map((length) => {
      at += length;
      return text.slice(at - length, at);
    })
    .join(sign);
};
const styled = (text: string, zero: number) =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
const circled = (text: string) =>
  text.replace(/\d/g, (digit) => (digit === "0" ? "⓪" : String.fromCharCode(0x245f + Number(digit))));

/** Each writes the value of a kind in its way; `[` and `]` around what is to be found. */
type Form = (random: Random) => string;

const mobileForms: readonly Form[] = [
  (r) => `[${mobile(r)}]`,
  (r) => `[${mobile(r)}] [${mobile(r)}]`,
  (r) => `[${mobile(r)}] ${between(r, 1, 30)}0${between(r, 1, 9)}室`,
  (r) => `[${mobile(r)}] 2件`,
  (r) => `1.[${mobile(r)}]`,
  (r) => `电话[${mobile(r)}]，谢谢`,
  (r) => `打我手机：[${grouped(mobile(r), [3, 4, 4], " ")}]`,
  ...[" ", "-", ".", "\u2013", "\u200b", "\u00a0"].map(
    (sign): Form =>
      (r) =>
        `[${grouped(mobile(r), [3, 4, 4], sign)}]`,
  ),
  (r) => `[${circled(mobile(r))}]`,
  (r) => `[${styled(mobile(r), 0xff10)}]`,
  (r) => `[${styled(mobile(r), 0x1d7ce)}]`,
  (r) => `[86${mobile(r)}]`,
  (r) => `[+86 ${mobile(r)}]`,
  (r) => `[+86-${grouped(mobile(r), [3, 4, 4], "-")}]`,
  (r) => `[0086${mobile(r)}]`,
  (r) => `[${[...mobile(r)].join(" ")}]`,
  (r) => `加我wx[${mobile(r)}]`,
  (r) => `[${pick(r, ["010", "021", "020"])}-${between(r, 2, 8)}${digits(r, 7)}]`,
  (r) => `[0571-8${digits(r, 7)}]`,
  (r) => `[(010) 6${digits(r, 3)} ${digits(r, 4)}]`,
  (r) => `座机：[0571 8${digits(r, 7)}]`,
  (r) => `[+1 (415) 555-${digits(r, 4)}]`,
  (r) => `[+1-212-555-${digits(r, 4)}]`,
  (r) => `[+44 20 7946 0${digits(r, 3)}]`,
  (r) => `call [415-555-${digits(r, 4)}]`,
  (r) => `[+49 30 ${between(r, 2, 9)}${digits(r, 7)}]`,
];

const visa = (r: Random) => luhn("4", 16, r);
const cardForms: readonly Form[] = [
  (r) => `[${grouped(visa(r), [4, 4, 4, 4], " ")}]`,
  (r) => `[${grouped(visa(r), [4, 4, 4, 4], "-")}]`,
  (r) => `[${grouped(visa(r), [4, 4, 4, 4], " ")}] 12/27`,
  (r) => `[${visa(r)}] 123`,
  (r) => `[${visa(r)}] 09/29 123`,
  (r) => `卡号：[${visa(r)}]`,
  (r) => `我的信用卡是[${visa(r)}]，`,
  (r) => `card number [${luhn(`5${between(r, 1, 5)}`, 16, r)}]`,
  (r) => `[${grouped(luhn(`5${between(r, 1, 5)}`, 16, r), [4, 4, 4, 4], " ")}]`,
  (r) => `[${grouped(luhn("2221", 16, r), [4, 4, 4, 4], "-")}]`,
  (r) => `[${grouped(luhn(`3${pick(r, ["4", "7"])}`, 15, r), [4, 6, 5], " ")}]`,
  (r) => `Amex: [${luhn("37", 15, r)}]`,
  (r) => `[${grouped(luhn("36", 14, r), [4, 6, 4], " ")}]`,
  (r) => `[${grouped(luhn("3530", 16, r), [4, 4, 4, 4], " ")}]`,
  (r) => `[${grouped(luhn("6011", 16, r), [4, 4, 4, 4], " ")}]`,
  (r) => `[${luhn(pick(r, ["6222", "6217", "6228", "6212"]), 19, r)}]`,
  (r) => `[${luhn(pick(r, ["6225", "6258", "6282"]), 16, r)}]`,
  (r) => `[${grouped(luhn("6222", 19, r), [4, 4, 4, 4, 3], " ")}]`,
  (r) => `[${grouped(luhn("6217", 19, r), [6, 13], " ")}]`,
  (r) => `打款到银行卡[${luhn("6228", 19, r)}]`,
  (r) => `[${styled(luhn("6228", 19, r), 0xff10)}]`,
  (r) => `[${circled(grouped(visa(r), [4, 4, 4, 4], " "))}]`,
  (r) => `[${grouped(visa(r), [4, 4, 4, 4], "\u2013")}]`,
];

const idForms: readonly Form[] = [
  (r) => `[${idCard(r)}]`,
  (r) => `[${idCard(r)}] 2024-01-01`,
  (r) => `[${idCard(r)}] ${mobile(r)}`,
  (r) => `身份证[${idCard(r)}]`,
  (r) => `[${grouped(idCard(r), [6, 8, 4], " ")}]`,
  (r) => `[${grouped(idCard(r), [6, 4, 4, 4], "-")}]`,
  (r) => `[${styled(idCard(r), 0xff10)}]`,
  (r) => `[${idCard(r).toLowerCase()}]`,
  (r) => `身份证号：[${pick(r, provinces)}${digits(r, 4)}${date(r).slice(2)}${digits(r, 3)}]`,
];

const local = (r: Random) => pick(r, ["li.ming", "zhang_san", "wang+news", "j.smith", "kf88"]);
const domain = (r: Random) => pick(r, ["example.com", "qq.com", "mail.example.org", "163.com", "bu.edu.cn"]);
const mailForms: readonly Form[] = [
  (r) => `[${local(r)}@${domain(r)}]`,
  (r) => `邮箱[${local(r)}@${domain(r)}]。`,
  (r) => `[${local(r)}(at)${domain(r)}]`,
  (r) => `[${local(r)} (AT) ${domain(r)}]`,
  (r) => `[${local(r)}＠${domain(r)}]`,
  (r) => `[${local(r)}@${domain(r).replace(".", "．")}]`,
  (r) => `<[${local(r)}@${domain(r)}]>`,
];

const plateForms: readonly Form[] = [
  (r) => `[${pick(r, [..."京沪粤浙川"])}${pick(r, [..."ABCDE"])}${digits(r, 5)}]`,
  (r) => `车牌[${pick(r, [..."京沪粤浙川"])}${pick(r, [..."ABCDE"])}·${pick(r, [..."GHK"])}${digits(r, 4)}]的车`,
  (r) => `[粤B${pick(r, ["D", "F"])}${digits(r, 5)}]`,
  (r) => `[苏E ${digits(r, 2)}A${digits(r, 2)}]`,
  (r) => `[粤Z${digits(r, 4)}港]`,
];

const ip = (r: Random) => [between(r, 1, 223), between(r, 100, 255), between(r, 0, 255), between(r, 1, 254)].join(".");
const people = ["张伟", "王芳", "李秀英", "欧阳娜娜", "陈建国", "刘洋", "诸葛明", "赵敏", "周杰", "买买提·艾力"];
const streets = [
  "北京市朝阳区建国路88号3单元501室",
  "上海市浦东新区世纪大道100号",
  "广东省深圳市南山区科技园南路2号楼",
  "浙江省杭州市西湖区文三路478号华星大厦12楼",
  "四川省成都市武侯区天府大道1700号",
];
const cities = ["朝阳区建国路88号3单元501室", "南山区科技园路2号楼", "西湖区文三路478号"];

/** What is found, by kind: `[…]` in each. */
export const forms: Readonly<Record<string, readonly Form[]>> = {
  phone: mobileForms,
  bank_card: cardForms,
  id_card: idForms,
  credit_code: [
    (r) => `[${creditCode(r)}]`,
    (r) => `税号：[${creditCode(r)}]`,
    (r) => `统一社会信用代码[${creditCode(r)}]。`,
  ],
  plate: plateForms,
  passport: [
    (r) => `护照号[E${digits(r, 8)}]`,
    (r) => `护照：[E${pick(r, [..."ABCDE"])}${digits(r, 7)}]`,
    (r) => `passport no. [G${digits(r, 8)}]`,
    (r) => `通行证[C${digits(r, 8)}]`,
  ],
  email: mailForms,
  ip_address: [
    (r) => `[${ip(r)}]`,
    (r) => `ping [10.0.${digits(r, 1)}.${between(r, 1, 9)}]`,
    (r) => `服务器：[192.168.1.${between(r, 1, 254)}]`,
  ],
  name: [
    (r) => `姓名：[${pick(r, people)}]`,
    (r) => `收货人：[${pick(r, people)}]，电话`,
    (r) => `我叫[${pick(r, people.slice(0, 9))}]，今年`,
    (r) => `联系人: [${pick(r, people)}]`,
    (r) => `Name: [${pick(r, ["John Smith", "Mary Ann Jones", "Peter Miller"])}]`,
  ],
  address: [
    (r) => `地址：[${pick(r, streets)}]`,
    (r) => `收货地址：[${pick(r, cities)}]，`,
    (r) => `我住[${pick(r, streets)}]，随时`,
    (r) => `寄到[${pick(r, streets)}] 13812345678`,
    (r) =>
      `address: [${between(r, 1, 999)} ${pick(r, ["Main", "Oak", "Park"])} ${pick(r, ["Street", "Ave", "Road"])}], Springfield`,
  ],
};

/** Numbers of like length, and what else was taken for one: nothing is to be found. */
export const nearMisses: Readonly<Record<string, Form>> = {
  ...Object.fromEntries(
    [12, 13, 14, 15, 16, 17, 18, 19].map((length) => [`${length} random digits`, (r: Random) => digits(r, length)]),
  ),
  "order number, named": (r) => `订单号${between(r, 1, 9)}${digits(r, between(r, 15, 18))}`,
  "order number of date and digits": (r) =>
    `20${between(r, 20, 26)}${two(between(r, 1, 12))}${two(between(r, 1, 28))}${digits(r, 8)}`,
  "order number, 10 digits": (r) => digits(r, 10),
  "tracking number": (r) => `快递单号：${pick(r, ["SF", "YT", "JD", ""])}${digits(r, 13)}`,
  "EAN-13": (r) => `69${digits(r, 11)}`,
  "ISBN-13": (r) => `978-7-${digits(r, 3)}-${digits(r, 5)}-${digits(r, 1)}`,
  IMEI: (r) => luhn(pick(r, ["35", "86", "01"]), 15, r),
  "IMEI, named": (r) => `IMEI: ${luhn(pick(r, ["35", "86"]), 15, r)}`,
  version: (r) => `版本 ${between(r, 1, 20)}.${between(r, 0, 20)}.${between(r, 0, 20)}.${between(r, 0, 300)}`,
  "browser's version": (r) => `Chrome/${between(r, 80, 140)}.0.${between(r, 100, 255)}.${between(r, 0, 255)}`,
  section: (r) => `第${between(r, 1, 9)}.${between(r, 1, 9)}.${between(r, 1, 9)}.${between(r, 1, 9)}条`,
  "file with @": (r) =>
    `${pick(r, ["icon", "logo-big", "bg_1"])}@${between(r, 2, 3)}x.${pick(r, ["png", "webp", "jpg"])}`,
  "signed amount": (r) => `+${between(r, 1, 9)}${"0".repeat(between(r, 6, 8))} 金币`,
  sizes: (r) => Array.from({ length: 8 }, () => digits(r, 2)).join(" "),
  measures: (r) => Array.from({ length: 4 }, () => between(r, 100, 999)).join("-"),
  "years in a row": (r) => Array.from({ length: 6 }, () => between(r, 1990, 2030)).join(" "),
  "time stamp in ms": (r) => `17${digits(r, 11)}`,
  decimal: (r) => `约 ${digits(r, 1)}.${digits(r, 11)}`,
  "letters and 8 digits": (r) => `${pick(r, [..."EGHP"])}${digits(r, 8)}`,
  UUID: (r) => `${digits(r, 8)}-${digits(r, 4)}-4${digits(r, 3)}-8${digits(r, 3)}-${digits(r, 12)}`,
  prose: (r) =>
    pick(r, ["北京是中国的首都，去年下了", "上海市中心有三家店，", "联系人方式见", "客户名字：未填", "地址：见附件"]) +
    digits(r, 3) +
    "次。",
};
