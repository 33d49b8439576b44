// What people do with the portal, a file each; in one process, for Chromium is slow to start.
import "./people/walk.mjs";
import "./people/pin.mjs";
import "./people/groups.mjs";
import "./people/conversation.mjs";
import "./people/live.mjs";
import "./people/hooks.mjs";
