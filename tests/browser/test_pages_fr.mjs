import { lookAtPages } from "./lib/look.mjs";
import { pages } from "./pages.mjs";

lookAtPages(pages, "fr");
