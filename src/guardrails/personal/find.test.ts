import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findPersonalData, personalDataStream } from "./find.js";

const found = (text: string) => findPersonalData(text).map(({ word, start, end }) => [word, text.slice(start, end)]);

// numbers that the standards and the card networks give as examples
describe("personal data", () => {
  it.each([
    ["phone", "13800138000"],
    ["phone", "138 0013 8000"],
    ["phone", "+86 138-0013-8000"],
    ["phone", "１３８００１３８０００"],
    ["phone", "+1 202-555-0143"],
    ["id_card", "11010519491231002X"],
    ["id_card", "440524188001010014"],
    ["bank_card", "4111 1111 1111 1111"],
    ["bank_card", "6222020000000000000"],
    ["email", "first.last+tag@mail.example.com"],
    ["ip_address", "192.168.0.254"],
    ["phone", "138.1234.5678"],
    ["phone", "138\u200b1234\u200b5678"],
    ["phone", "138–1234–5678"],
    ["phone", "①③⑧①②③④⑤⑥⑦⑧"],
    ["phone", "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣"],
    ["phone", "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖"],
    ["phone", "8613812345678"],
    ["phone", "+1 (415) 555-2671"],
    ["phone", "0571-88157777"],
    ["email", "zhangsan(at)example.com"],
    ["email", "zhangsan [at] example [dot] com"],
    ["credit_code", "91350100M000100Y43"],
    ["credit_code", "914403001922038216"],
    ["plate", "京A12345"],
    ["plate", "粤B·D12345"],
  ])("finds a %s in %s", (word, text) => {
    expect(found(`见 ${text}。`)).toEqual([[word, text]]);
    expect(found(`(${text})`)).toEqual([[word, text]]);
  });

  it.each([
    ["13812345678 13912345678", ["13812345678", "13912345678"]],
    ["13812345678 301室", ["13812345678"]],
    ["4111 1111 1111 1111 12/27", ["4111 1111 1111 1111"]],
    ["4111111111111111 123", ["4111111111111111"]],
    ["11010519491231002X 2024-01-01", ["11010519491231002X"]],
    ["110105194912310021 13812345678", ["13812345678"]],
    ["1.13812345678", ["13812345678"]],
    ["身份证110105491231002", ["110105491231002"]],
    ["护照号：E12345678", ["E12345678"]],
    ["收货人：张三，13812345678", ["张三", "13812345678"]],
    ["姓名 欧阳娜娜", ["欧阳娜娜"]],
    ["Name: John Smith", ["John Smith"]],
    ["地址：北京市朝阳区建国路88号3单元501室 13812345678", ["北京市朝阳区建国路88号3单元501室", "13812345678"]],
    ["我住上海市浦东新区世纪大道100号，近地铁", ["上海市浦东新区世纪大道100号"]],
    ["address: 123 Main Street, Springfield", ["123 Main Street"]],
    ["我的银行卡号是 4111111111111111", ["4111111111111111"]],
  ])("finds in %s what is personal, no more", (text, parts) => {
    expect(findPersonalData(text).map(({ start, end }) => text.slice(start, end))).toEqual(parts);
  });

  it.each([
    "ISBN 978-7-111-21382-6",
    "6901234567892",
    "356938035643809",
    "第3.2.1.1条",
    "Chrome/118.0.5993.88",
    "icon@2x.png",
    "180-200-240-30",
    "+10000000 金币",
    "255.255.255.0",
    "订单号4111111111111111",
    "北京是中国的首都，人口2189万",
    "联系人方式：见下",
    "共13812345678字节",
    "110105194912310021",
    "4111111111111112",
    "999.1.1.1",
    "1.2.3.4.5",
    "12345678901",
    "138001380001",
    "me@localhost",
    "v1.2.3",
  ])("finds nothing in %s", (text) => expect(found(`see ${text} there`)).toEqual([]));

  it("finds under any chunking what the whole text holds, and shows nothing too early", () => {
    const parts = fc.constantFrom(
      "13800138000",
      "138 0013 8000",
      "a@b.cn",
      "@",
      ".",
      " ",
      "9",
      "x",
      "好",
      "4111111111111111",
      "\n",
      "-",
      "地址：",
      "北京",
      "市东城区长安街1号",
      "姓名：",
      "张三",
      "京",
      "A12345",
      "①",
      "𝟏",
      "\u200b",
      "(at)",
      "+86",
    );
    const texts = fc.array(parts, { maxLength: 30 }).map((list) => list.join(""));
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }), (text, cuts) => {
        const stream = personalDataStream();
        let [at, shown] = [0, 0];
        const spans = [...cuts, text.length].flatMap((cut) => {
          const piece = stream.push(text.slice(at, at + cut));
          at += cut;
          for (const span of piece.spans) expect(span.start).toBeGreaterThanOrEqual(shown);
          shown = piece.ready;
          return piece.spans;
        });
        expect([...spans, ...stream.end().spans]).toEqual(findPersonalData(text));
      }),
      { numRuns: 1000, seed: 4 },
    );
  });

  it("holds back a bounded run", () => {
    const stream = personalDataStream();
    for (let i = 1; i <= 2000; i++) expect(i - stream.push("7").ready).toBeLessThanOrEqual(320);
  });
});
