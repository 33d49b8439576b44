--- What is not known about the hosted service. Each value here is a choice of the sandbox, not a documented
--- or observed fact. Change it here and the whole sandbox follows. "Likely": clients that worked rely on it,
--- or the documentation hints at it. Everything else is a guess.
---@class sandbox.assumptions
local assumptions = {
  -- Statuses and codes. Only 400, 401, 415, 429 and the codes InvalidParameters, InvalidToken are known.
  not_found_status = 404,
  not_found_code = "NotFound",
  method_status = 405,
  method_code = "MethodNotAllowed",
  permission_status = 403,
  permission_code = "PermissionDenied",
  permission_message = "Permission missing: %s", -- names it: "textmessage.write"
  role_message = "Not allowed: %s", -- names what is needed: "only an admin of the group may do this"
  unauthenticated_code = "Unauthenticated",
  throttled_code = "TooManyRequests",
  too_large_code = "RequestEntityTooLarge",
  media_type_code = "UnsupportedMediaType",
  moved_code = "EndpointMoved",
  moved_message = "The endpoint has moved; Location holds the new one",
  internal_code = "InternalServerError",
  categories = { -- errorCategoryKey; only AuthException is known
    [400] = "InvalidRequestException",
    [401] = "AuthException",
    [403] = "AuthorizationException",
    [404] = "NotFoundException",
    [415] = "InvalidRequestException",
    [429] = "ThrottlingException",
  },
  category_fallback = "ServiceException",
  missing_refresh_token_message = "Token missing. Header should have token as value of REFRESHTOKEN",

  -- Tokens.
  endpoint_trailing_slash = true, -- newest capture; an older one has none
  no_refresh_token = "", -- documented as "", null or absent
  group_token_per_group = true, -- a new group token replaces the one for the same connector and group
  new_secret_revokes_tokens = true,
  token_leeway_s = 300, -- how far in the future nbf may lie
  -- The id of a connector may be any short word: GUIDs, 64 and 25 hexadecimal digits were seen. Likely.
  application_type = "Connector",
  access_token_permissions = "connector", -- the connector's current permissions count, not those in the token

  -- Throttling has no value here. Not counted are calls to the token service, calls without a valid token,
  -- and calls that are refused with 429 (sandbox.calls, sandbox.rules.throttle).

  -- Logins by PIN and OAuth. They give user tokens, to tenant admins too. An unknown number gets an account
  -- at its first login.
  pin_status = 401,
  pin_code = "InvalidPin",
  pin_message = "The PIN is wrong, was used, or is too old; ask for a new one",
  code_code = "InvalidCode",
  code_message = "The code is wrong, was used, or is too old; sign in again",
  unknown_application_message = "There is no application with this applicationId",
  pin_sms = {
    en = "%s is your PIN for Kaizala. It is valid for 10 minutes.",
    fr = "%s est votre code confidentiel pour Kaizala. Il est valable 10 minutes.",
  },

  -- Bots: a bot is a user with a phone number that cannot be called, in an unassigned country code.
  bot_phone_prefix = "+999",
  bot_role = "Member", -- in a group that it is added to
  bot_status = "Active",

  -- Webhooks.
  webhook_validity_ms = 2 * 365 * 86400 * 1000, -- documented: 2 years
  -- Documented: six retries, exponentially over two days, then the webhook is disabled. Guessed: a factor of
  -- four. Seconds after each attempt but the last; 46 hours in all.
  webhook_retries_s = { 120, 480, 1920, 7680, 30720, 122880 },
  -- Whom fromUser, fromUserId, fromUserName and fromUserProfilePic name when an answer is anonymous.
  nobody = { phone = "", id = "", name = "", picture = "" },

  -- Groups and members.
  new_group_shard = "", -- e.g. "@1": the suffix of ids of new groups
  group_types = { "Group", "ConnectGroup" },
  members_added_without_members = true, -- membersAdded when none were given
  last_admin_may_leave = true,
  invitation_sms = { -- to a number that has no account yet
    en = "%s added you to %s on Kaizala.",
    fr = "%s vous invite dans le groupe %s sur Kaizala.",
  },

  -- Subgroups. With fetchAllGroups `subGroups` is one flat list; a group with two parents appears once.
  subgroup_has_its_maker = true, -- where addUserToGroup is left out
  subgroup_needs_its_admin = true, -- the caller must also be an admin of the group that is added

  -- In lists of subscribers, what is no phone number is reported (result, failedResult), and the others are
  -- done. Likely: each number is documented to have its own result. false: one refuses all, with 400, as it
  -- does among members and assignees, where a reply has no place for a reason.
  bad_numbers_reported = true,
  bad_number = { "InvalidParameters", "Not a phone number with + and country code" },

  -- Subscribers, and the search in the tenant (whose reply nobody has seen).
  subscribers_shown_to = "admin",
  subscriber_added_again = true, -- isAdded of somebody who is already a subscriber
  subscriber_refusals = { -- beside isAdded and isRemoved if they are false
    no_room = { "TooManySubscribers", "The group has as many subscribers as it may have" },
    there_already = { "AlreadySubscribed", "Already a subscriber of this group" },
    not_there = { "SubscriberNotFound", "Not a subscriber of this group" },
  },

  -- What typed clients send for a number that they leave out: dueDate, expiryInHours, duration, count,
  -- pageSize, a webhook's validity. Likely: some always send `dueDate: 0`.
  unset_number = 0,
  unset_text = "", -- of id, applicationSecret, a choice's image. A guess

  -- Subscribers in a message or an action to a group that is not public. Documented is that they are valid
  -- for public groups only; that they are ignored elsewhere is a guess. false: they are refused with 400.
  plain_group_ignores_subscribers = true,

  -- Messages.
  empty_message_allowed = false,
  plain_message_in_public_group = "Member", -- the role that may post without naming subscribers
  failed_subscriber_code = "SubscriberNotFound",
  failed_subscriber_reason = "Not a subscriber of this group",

  -- Actions. Types that GET takes: those documented, and Announcement.
  listable_types = {
    "Image", "Job", "Survey", "PhotoWithLocation", "LetsMeet", "Poll", "ShareLocation", "Document",
    "Announcement",
  },
  details_have_list_entry = true, -- beside the documented fields: the sample of details shows a list's entry
  response_by_action_id = true, -- `id` of a response may be the action's own; likely: a reference says so
  package_type = "ActionPackage", -- the actionType of what was sent with a package's id
  milliseconds_from = 100000000000, -- a time of this size is epoch milliseconds, a smaller one seconds: of
  -- fromDate and validity
  package_hours = nil, -- a package without validity and dueDate never ends. The reference has one table for
  -- surveys and packages, with 24 hours; which of them it means is a guess
  package_validity_in_hours = true, -- a value too small for a time, like a survey's dueDate; 0: no end
  meeting_answers = { "Yes", "No", "Maybe" }, -- of people who are invited to a meeting
  -- With getDetails a poll or a meeting shows its answers like a survey with one question. Known is only
  -- that its webhooks report answers.
  assignee_must_be_in_group = false, -- likely: clients assign to others; an unknown number becomes a user
  job_after_due = true, -- a job may be completed late
  second_response_allowed = false, -- without responseId, where acceptMultipleResponses is false
  answers_without_questions = true, -- of a package that was sent without: its own app knows what they mean
  unanswered_allowed = true, -- null among the answers
  only_assignees_complete_jobs = true,
  may_update = "admin", -- and the sender: properties and reminders
  property_numbers = { [0] = "Text", [1] = "Numeric", [3] = "DateTime", [6] = "StringList" },
  source_group_required = true, -- sourceGroupId, when reacting

  -- Media. What phones make beside the documented types, by content type. A guess: the service may have
  -- refused some with 415.
  phone_media = {
    ["image/heic"] = { kind = "Image", endings = { "heic" } },
    ["image/heif"] = { kind = "Image", endings = { "heif" } },
    ["image/webp"] = { kind = "Image", endings = { "webp" } },
    ["image/gif"] = { kind = "Image", endings = { "gif" } },
    ["audio/mp4"] = { kind = "Audio", endings = { "m4a" } },
    ["audio/m4a"] = { kind = "Audio", endings = {} },
    ["audio/x-m4a"] = { kind = "Audio", endings = {} },
    ["audio/aac"] = { kind = "Audio", endings = { "aac" } },
    ["audio/amr"] = { kind = "Audio", endings = { "amr" } },
    ["audio/3gpp"] = { kind = "Audio", endings = {} },
    ["audio/ogg"] = { kind = "Audio", endings = { "ogg", "opus" } },
    ["video/quicktime"] = { kind = "Video", endings = { "mov" } },
    ["video/x-m4v"] = { kind = "Video", endings = { "m4v" } },
    ["video/3gpp2"] = { kind = "Video", endings = { "3g2" } },
  },

  -- POST /media/url fetches from this machine only; the hosted service fetched from anywhere.
  media_url_loopback_only = true,

  -- CORS, for the origins of --cors: that it allows the custom headers. The hosted service allowed every
  -- origin; the sandbox does not, because every page can reach it.
  cors_headers = "accessToken, applicationId, applicationSecret, refreshToken, Authorization, Content-Type",
  cors_any_header = true, -- also those that a preflight asks for
  cors_methods = "GET, POST, PUT, DELETE, OPTIONS",
  cors_max_age_s = "600",
  cors_expose = "Date, Location, Retry-After",
}

return assumptions
