/**
 * Names and addresses, by the words before them (`收货人：`, `地址：`, `Name:`), and Chinese addresses that begin with a province.
 * Surnames are the 400 most common ones and the usual double ones.
 */

const nameKeys =
  "姓名|名字|收货人|收件人|联系人|寄件人|申请人|患者|户名|持卡人|乘客|客户|真实姓名|法人|法定代表人|负责人";
const nameVerbs = "我叫|本人叫|名叫";
const addressKeys = "地址|住址|住所|收货地址|寄到|寄往|家住|住在|现居|居住地|户籍|送到|送货到";
const surnames =
  "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚汤陶黎温莫易樊乔文安殷颜庄章鲁倪庞邢俞翟蓝聂齐向申葛柴伍覃骆关焦柳欧祝纪尚毕耿芦左季管符辛苗詹曲欧靳祁路涂兰甘裴梅童翁霍游阮尤岳柯牟滕谷舒卜成饶宁凌盛查单冉鲍华包屈房喻解蒲卫简时连车项闵邬吉党阳司费蒙席晏隋古强穆姬宫景米麦谈柏瞿艾沙鄢桂窦郁缪畅巩卓褚栾戚全娄甄郎池丛边岑农苟迟保商臧佘卞虞刁冷应匡栗仇练楚揭师官佟封燕桑巫敖原植邝仲荆储宗楼干苑寇盖南屠鞠荣井乐银奚明麻雍花闻冼木郜廉衣蔺和冀占公门帅利满";
const doubleSurnames = "欧阳|上官|司马|诸葛|司徒|东方|独孤|南宫|夏侯|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|轩辕|端木";
const provinceNames =
  "北京|上海|天津|重庆|河北|山西|辽宁|吉林|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|广西|西藏|宁夏|新疆|内蒙古|黑龙江|香港|澳门";

const han = "\\u4e00-\\u9fff\\u3400-\\u4dbf";
/** After a key, at most as much may be looked at, and held back in a stream. */
const maxName = 8;
const maxAddress = 80;
const separator = "[:=是为 ]{0,2}";

/** What may be a name or an address, up to where it ends for certain. */
export const peoplePatterns = {
  name: `(?<=(?:${nameKeys})[:=是为 ]{1,2}|${nameVerbs})[${han}.]{1,${maxName}}`,
  englishName: `(?<=\\b(?:[Nn]ame|NAME|[Cc]ustomer|[Pp]atient|[Rr]ecipient): ?)[A-Z][A-Za-z.' -]{1,40}`,
  address: `(?<=(?:${addressKeys}|[Aa]ddress|ADDRESS)${separator})(?![:=是为 ])[^\\n,，。;；!！?？"'|]{1,${maxAddress}}`,
  province: `(?:${provinceNames})[^\\n,，。;；!！?？"'|]{0,${maxAddress}}`,
  provinceBegins: `(?:内蒙|黑龙|[${[...new Set(provinceNames.split("|").map((name) => name[0]))].join("")}])$`,
};

const twoSurnames = new RegExp(`^(?:${doubleSurnames})`);
/** What follows a name when nothing divides them. */
const afterNames = /[的是在于,和与说住电手身性男女出生年联]/;

/** How much of the region is a name; 0: none. */
export function nameLength(region: string): number {
  const [first = ""] = region;
  if (region.includes(".")) return /^[^.]{2,4}\.[^.]{2,4}$/.test(region) ? region.length : 0; // 买买提·艾力
  const longest = twoSurnames.test(region) ? 4 : surnames.includes(first) ? 3 : 0;
  if (longest === 0 || region.length < 2) return 0;
  const stop = region.slice(1, longest).search(afterNames);
  const length = Math.min(region.length, stop > 0 ? stop + 1 : longest);
  return stop === 0 ? 0 : length;
}

/** `John Smith`: two to four capitalised words. */
export function englishNameLength(region: string): number {
  const found = /^[A-Z][a-z.']{0,20}(?:[ -][A-Z][a-z.']{0,20}){1,3}/.exec(region);
  return found ? found[0].length : 0;
}

const chinesePart = /[省市区县镇乡村路街道巷弄里号栋幢座楼室园组]/g;
const chineseEnd =
  /^.*(?:[路街道巷弄里] ?[\dA-Za-z一二三四五六七八九十百-]{1,12}号?|[号栋幢座楼室层组院苑园厦]|单元|\d{2,4})/;
const english =
  /^\d{1,6}[A-Za-z]? (?:[A-Z][A-Za-z.']{0,30} ){1,4}(?:St|Street|Ave|Avenue|Rd|Road|Blvd|Boulevard|Ln|Lane|Dr|Drive|Way|Court|Ct|Place|Pl|Square|Sq)\b\.?/;

/** How much of the region is an address; 0: none. A street and a number, or a place and a house. */
export function addressLength(region: string, isNamed: boolean): number {
  const street = english.exec(region);
  if (street) return street[0].length;
  const numParts = new Set(region.match(chinesePart) ?? []).size;
  if (numParts < (isNamed ? 2 : 3) || (!isNamed && !/[\d一二三四五六七八九十]/.test(region))) return 0;
  const end = chineseEnd.exec(region);
  return end ? end[0].length : isNamed ? region.trimEnd().length : 0;
}
