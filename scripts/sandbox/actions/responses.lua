--- Responses to actions: who may respond, until when, and how often.
local actions = require "sandbox.data.actions"
local assumptions = require "sandbox.base.assumptions"
local questions = require "sandbox.actions.questions"
local refusal = require "sandbox.base.refusal"

local responses = {}

local function check_open(call, action)
  local late_is_fine = action.type == "Job" and assumptions.job_after_due
  if action.expires_at and call.now >= action.expires_at and not late_is_fine then
    refusal.invalid("this %s has expired: it takes no more responses", action.type)
  end
end

-- The response to replace, or nil.
local function find_replaced(call, action, user_id)
  local id = call.body.responseId
  if id and id ~= "" then
    local found = actions.response(call.db, action, id)
    if not found then
      refusal.not_found "responseId: the action has no response with this id"
    elseif found.user_id:lower() ~= user_id:lower() then
      refusal.forbidden "only the person who gave a response may replace it"
    end
    return found
  end
  local own = actions.response_of(call.db, action, user_id)
  if not own or action.body.acceptMultipleResponses then
    return nil
  elseif action.type ~= "Job" and not assumptions.second_response_allowed then
    refusal.invalid "you have responded already: give responseId to replace the response"
  end
  return own
end

--- Stores a response. Raises 400, 403 and 404.
---@param call sandbox.call
---@param action sandbox.action
---@return string response_id
function responses.add(call, action)
  local user_id, values, completed = call.caller.user.id, call.body.actionBody, false
  if action.type == "Job" then
    completed = values.isCompleted
    if assumptions.only_assignees_complete_jobs and not actions.is_assignee(call.db, action, user_id) then
      refusal.forbidden "only an assignee may respond to a job"
    end
  else
    local asked = questions.of(action)
    if asked and #asked > 0 then
      values.answers = questions.check_answers(call, asked, values.answers)
    elseif not assumptions.answers_without_questions then
      refusal.invalid "a package without questions takes no responses"
    end
  end
  check_open(call, action)
  local replaced = find_replaced(call, action, user_id)
  if replaced then
    return actions.replace_response(call.db, replaced, values, completed, call.now)
  end
  return actions.add_response(call.db, action, user_id, values, completed, call.now)
end

return responses
