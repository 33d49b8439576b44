--- Every limit of the sandbox, by name.
---@class sandbox.limits
local limits = {
  -- What arrives.
  json_bytes = 1024 * 1024, -- a body that is not an upload
  json_depth = 32,
  unasked_bytes = 16 * 1024, -- of a body that is read and recorded without asking app.head first
  path_segments = 16,
  url_bytes = 8 * 1024, -- path and query
  paths_remembered = 1000, -- whose parts are known
  path_remembered_bytes = 256,

  media_bytes = 1024 * 1024 * 1024, -- an upload, or a file that is fetched
  media_per_upload = 30,
  media_fetch_s = 30,

  -- What may be stored.
  name_characters = 100, -- of a group, a user or a connector
  welcome_characters = 1000,
  description_characters = 2000,
  picture_bytes = 512 * 1024, -- a URL, or a picture in base64
  picture_url_bytes = 2048, -- of a group or a person; a longer picture becomes a file with such a URL
  file_name_characters = 255,
  email_characters = 254,
  message_characters = 4000, -- documented
  members_per_request = 1000,
  subscribers_per_request = 1000,
  media_resource_bytes = 4096,
  subscribers_per_page = 50, -- documented
  groups_per_page = 1000, -- of a search in the tenant
  cursor_characters = 200,
  media_per_action = 100,
  latitude = 90, -- degrees, north or south, of a shared place
  longitude = 180,
  title_characters = 4000, -- of an action, a question, an option; the same as for a message
  caption_characters = 2000,
  questions = 100,
  options = 100, -- of a question, choices of a poll
  assignees = 1000,
  date_s = 9007199254740, -- of an answer; its milliseconds fit exactly into a double
  validity_ms = 253402300799999, -- of an action package: the end of the year 9999
  action_hours = 10 * 366 * 24, -- how far ahead something may be due
  meeting_minutes = 366 * 24 * 60,
  answer_characters = 4000,
  attachments_per_answer = 20,
  properties = 100, -- of an action, and of one update
  property_characters = 4000,
  property_entries = 1000,
  actions_per_page = 1000,
  page_bytes = 32 * 1024 * 1024, -- of all bodies in a page of actions; a larger one is a page by itself
  reactions_per_page = 100,
  comment_characters = 4000,
  state_text_bytes = 4096, -- of each text there: a picture in base64 is cut
  state_actions = 100, -- newest ones in GET /_sandbox/state
  -- Lists of groups and members are not paged: even the longest fit into a reply of 64 MiB.
  groups = 2500,
  group_levels = 16, -- subgroups of subgroups of …
  members_per_group = 10000,
  subscribers_per_group = 1000000,
  users = 1000000,
  connectors = 10000,
  phone_digits_min = 7,
  phone_digits_max = 15, -- E.164
  identifier_characters = 80,
  refresh_token_bytes_min = 8,
  refresh_token_bytes_max = 4096,
  tokens_remembered = 1000, -- whose signature was checked
  masks_remembered = 100, -- of permissions
  secret_characters_max = 128,

  -- Bots and webhooks.
  bots = 1000, -- in a tenant
  webhooks = 1000, -- of a connector
  webhook_header_bytes = 4096, -- of a name and its value
  webhook_headers = 20,
  webhook_context_bytes = 4096, -- as JSON
  webhook_token_characters = 1024,
  webhook_answer_s = 5, -- documented
  webhook_challenge_bytes = 4096, -- of the reply to the validation token
  webhook_answer_bytes = 64 * 1024, -- of a receiver's reply that are read; more is no failure
  webhook_reply_kept = 1024, -- bytes of a receiver's reply, of each attempt
  portal_replies_bytes = 4096, -- of them on the page of a delivery; the newest
  deliveries_at_once = 64, -- to as many webhooks
  unwritten_pause_s = 5, -- before a delivery whose outcome is unwritten is sent again; then doubled
  unwritten_pause_max_s = 120,
  deliveries_kept = 1000, -- of a webhook, besides those that wait
  deliveries_waiting = 10000, -- of a webhook; then the oldest are dropped
  deliveries_shown = 1000,

  -- Logins.
  password_tries = 10, -- wrong passwords of --password-file under one user name within password_window_s
  password_tries_of_all = 100, -- under all names: a name is only what the sender says
  password_window_s = 60,
  password_headers = 100, -- correct ones that are known again
  pin_life_s = 600, -- of a PIN
  pin_characters = 20, -- of the entered text
  pin_tries = 5, -- wrong attempts before a new PIN is needed
  pins_per_purpose = 5, -- sent to one number, for one connector or account, within pin_life_s
  pins_per_phone = 20, -- for all of them
  code_life_s = 600, -- of a code of OAuth
  state_characters = 1024, -- OAuth's `state`

  -- The portal. A page shares its bytes among its parts: `least` is kept for each, html.page has the rest.
  portal_page_bytes = 59000, -- of markup, without pictures
  portal_list_least = 6 * 1024, -- of a list
  portal_list_least_of_two = 14 * 1024, -- of one of two that are as important
  portal_pager_bytes = 1024, -- around a list
  portal_form_frame = 2 * 1024, -- of a form around its fields
  portal_chooser_bytes = 10 * 1024, -- of the choice of the acting person; others by phone number
  portal_chooser_frame = 1024,
  portal_raw_least = 2 * 1024,
  portal_idle_s = 8 * 3600, -- after that the session ends
  portal_sessions = 1000,
  portal_flashes = 8, -- of a session: data that one page leaves for the next
  portal_accounts_shown = 10, -- suggested on the sign-in page
  portal_sms_shown = 50, -- of a page
  portal_tree = 20000, -- rows of the tree of groups; a group with two parents has two
  portal_requests_shown = 100,
  portal_path_shown = 200, -- bytes; a request's own page has the whole
  portal_body_shown = 6 * 1024, -- bytes of the body of a request or a reply; all of it is a page of text
  portal_fields_bytes = 6 * 1024, -- of markup of headers, or of a query
  portal_command_shown = 6 * 1024, -- bytes of a command; of a longer one the body is a file
  portal_raw_shown = 10 * 1024, -- bytes of an item as programs see it
  portal_page = 100, -- rows of people, fields in the reference
  portal_rows = 50, -- of a table
  portal_rows_of_two = 30, -- of each of two long tables of a page
  portal_items = 16, -- of a page of a conversation
  portal_item_bytes = 256 * 1024, -- of all their bodies; a larger one is a page by itself
  portal_items_bytes = 36 * 1024, -- of markup of them all; a larger one is seen on its own page
  portal_feed_least = 12 * 1024,
  portal_feed_frame = 512,
  portal_questions_bytes = 24 * 1024, -- of markup of questions and their fields: the next are a page
  portal_questions_back = 10, -- questions, to the page before
  portal_options_bytes = 24 * 1024, -- of markup of a poll's choices: the next are a page
  portal_options_back = 20,
  portal_options_listed = 20, -- of a survey's question; of more, the most chosen, and a shorter field
  portal_option_shown = 200, -- bytes of an option's title
  portal_option_brief = 80, -- where a question has more options than that
  portal_answers = 2000, -- counted for the charts of a page of a conversation
  portal_answers_shown = 50, -- of a survey, in full
  portal_people = 100, -- to choose from; connectors too
  portal_assignees = 20, -- of a job, by name
  portal_comments = 3, -- below an item of a conversation
  portal_comments_bytes = 10 * 1024, -- of their markup there
  portal_comments_least = 6 * 1024, -- of their markup on its own page
  portal_files = 20, -- uploaded files to choose from in an answer
  portal_names = 8, -- of groups, in a sentence
  sign_ins_per_minute = 60, -- of one account, and of all addresses that are nobody's
  pin_checks_per_minute = 60, -- of one account
  attempts_per_minute = 600, -- of all accounts, each of these two

  replies_kept = 250, -- to GETs within a second
  replies_kept_bytes = 1024 * 1024,

  -- What is kept for the control routes.
  faults = 100,
  fault_times = 1000000,
  fault_delay_ms = 600000,
  requests_kept = 2000,
  requests_kept_bytes = 16 * 1024 * 1024, -- of memory, approximately, for all, with the replies
  request_body_kept = 16 * 1024, -- bytes of each
  response_body_kept = 16 * 1024,
  state_messages = 100, -- newest ones in GET /_sandbox/state
  state_rows = 1000, -- groups, users, connectors, bots, webhooks each
  sms_kept = 100000,
  sms_shown = 1000, -- newest ones in GET /_sandbox/sms
  clock_advance_s = 100 * 365 * 86400,
  clock_max = 4102444800, -- the year 2100

  -- A seed.
  seed_bytes = 4 * 1024 * 1024,
  seed_problems = 100,
}

return limits
