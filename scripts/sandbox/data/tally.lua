--- Statistics of answers, computed by the database: counts of options, summaries of numbers.
local tally = {}

---@class sandbox.numbers
---@field count integer
---@field least number
---@field most number
---@field mean number

--- How often each option was chosen.
---@param action sandbox.action
---@return table<integer, table<string, integer>> by the question's place, from 1, and the option's title
function tally.options(db, action)
  local out = {}
  for _, row in ipairs(db:rows([[
    SELECT question.key + 1 AS question, choice.value AS title, count(*) AS count
    FROM action_responses, json_each(action_responses.body, '$.answers') AS question,
      json_each(question.value) AS choice
    WHERE action = ? AND question.type = 'array' AND choice.type = 'text'
    GROUP BY 1, 2]], action.number)) do
    out[row.question] = out[row.question] or {}
    out[row.question][row.title] = row.count
  end
  return out
end

--- Summaries of numeric answers.
---@param action sandbox.action
---@return table<integer, sandbox.numbers> by the question's place, from 1
function tally.numbers(db, action)
  local out = {}
  for _, row in ipairs(db:rows([[
    SELECT question.key + 1 AS question, count(*) AS count, min(question.value) AS least,
      max(question.value) AS most, avg(question.value) AS mean
    FROM action_responses, json_each(action_responses.body, '$.answers') AS question
    WHERE action = ? AND question.type IN ('integer', 'real') GROUP BY 1]], action.number)) do
    out[row.question] = row
  end
  return out
end

--- The number of responses.
---@param action sandbox.action
---@return integer
function tally.responses(db, action)
  return db:row("SELECT count(*) AS n FROM action_responses WHERE action = ?", action.number).n
end

return tally
