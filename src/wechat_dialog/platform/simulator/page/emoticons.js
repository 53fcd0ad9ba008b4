// The classic emoticons: the codes that are sent, their names, and how they are drawn here.

const TABLE = `
/::) 微笑 🙂|/::~ 撇嘴 😖|/::B 色 😍|/::| 发呆 😳|/:8-) 得意 😎|/::< 流泪 😢|/::$ 害羞 ☺️|/::X 闭嘴 🤐|/::Z 睡 😴|/::'( 大哭 😭
/::-| 尴尬 😅|/::@ 发怒 😡|/::P 调皮 😜|/::D 呲牙 😁|/::O 惊讶 😮|/::( 难过 🙁|/:--b 冷汗 😓|/::Q 抓狂 😫|/::T 吐 🤮|/:,@P 偷笑 🤭
/:,@-D 愉快 😊|/::d 白眼 🙄|/:,@o 傲慢 😤|/:|-) 困 🥱|/::! 惊恐 😱|/::L 流汗 😥|/::> 憨笑 😄|/::,@ 悠闲 😌|/:,@f 奋斗 💪|/::-S 咒骂 🤬
/:? 疑问 🤔|/:,@x 嘘 🤫|/:,@@ 晕 😵|/:,@! 衰 😩|/:!!! 骷髅 💀|/:xx 敲打 🔨|/:bye 再见 👋|/:wipe 擦汗 😰|/:dig 抠鼻 🤏|/:handclap 鼓掌 👏
/:B-) 坏笑 😏|/:>-| 鄙视 😒|/:P-( 委屈 🥺|/::'| 快哭了 😿|/:X-) 阴险 😈|/::* 亲亲 😚|/:8* 可怜 🥹|/:pd 菜刀 🔪|/:<W> 西瓜 🍉|/:beer 啤酒 🍺
/:coffee 咖啡 ☕|/:eat 饭 🍚|/:pig 猪头 🐷|/:rose 玫瑰 🌹|/:fade 凋谢 🥀|/:showlove 嘴唇 💋|/:heart 爱心 ❤️|/:break 心碎 💔|/:cake 蛋糕 🎂|/:bome 炸弹 💣
/:shit 便便 💩|/:moon 月亮 🌙|/:sun 太阳 🌞|/:gift 礼物 🎁|/:hug 拥抱 🤗|/:strong 强 👍|/:weak 弱 👎|/:share 握手 🤝|/:v 胜利 ✌️|/:@) 抱拳 🙏
/:jj 勾引 👆|/:@@ 拳头 ✊|/:lvu 爱你 🤟|/:no NO ☝️|/:ok OK 👌|[旺柴] 旺柴 🐶|[捂脸] 捂脸 🤦|[奸笑] 奸笑 😼|[机智] 机智 🧐|[皱眉] 皱眉 😟
[耶] 耶 ✌️|[加油] 加油 💪|[天啊] 天啊 😱|[社会社会] 社会社会 😎|[好的] 好的 👌|[打脸] 打脸 🤕|[哇] 哇 🤩|[红包] 红包 🧧|[福] 福 🏮|[庆祝] 庆祝 🎉`;

/** [{code, name, face}], in the order of the picker. */
export const EMOTICONS = TABLE.trim().split(/[\n]/).flatMap((row) =>
  // A code may hold `|` itself; an entry ends where the next code begins.
  row.split(/\|(?=\/:|\[)/).map((entry) => {
    const [code, name, face] = entry.split(" ");
    return { code, name, face };
  }),
);

const FACES = new Map(EMOTICONS.map(({ name, face }) => [name, face]));

/** How the emoticon with this name is drawn, or null where we have no picture of it. */
export function face(name) {
  return FACES.get(name) ?? null;
}
