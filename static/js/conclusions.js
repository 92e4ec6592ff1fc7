/* Pages of results and comparisons: fields that offer columns while typing. */
import { mount as mountCombobox } from "./combobox.js";

mountCombobox(document);
