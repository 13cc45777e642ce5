/** The default theme without its web fonts: the system's own are used. */
export { default } from "vitepress/theme-without-fonts";
