---@meta _

--- What a webhook from Kaizala brings: `event.data` of its handlers, by type. Names are the service's.
---
---     ---@type table<string, kaizala.Handler>
---     return {
---       ---@param event kaizala.SurveyResponseEvent
---       SurveyResponse = function(event) … end,
---     }
---@class kaizala.EventEnvelope
---@field subscriptionId string
---@field objectId string
---@field objectType "Group"|"Action"|"ActionPackage"
---@field eventType string
---@field eventId string
---@field context? any `jeton:NAME:HOOK` of subscriptions that `jeton listen` made
---@field fromUser? string phone number
---@field fromUserId? string
---@field fromUserName? string
---@field fromUserProfilePic? string
---@field isBotfromUser? boolean
---@field groupId? string
---@field sourceGroupId? string

---@alias kaizala.Handler fun(event: jeton.Event): any, jeton.Err?

---@class kaizala.EventMedia
---@field mediaUrl string
---@field mediaFileName string

--- In an answer: text, number, list with one text (SingleOption) or several (MultiOption), epoch milliseconds
--- (DateTime), `{lt, lg, n, acc}` (Location), or a list of media (AttachmentList).
---@alias kaizala.EventAnswer string|number|string[]|table|kaizala.EventMedia[]

---@alias kaizala.EventQuestionType "SingleOption"|"MultiOption"|"Text"|"Image"|"Numeric"|"Date"
---|"DateTime"|"Location"|"AttachmentList"

---@class kaizala.EventQuestion
---@field title string
---@field type kaizala.EventQuestionType
---@field options? table[]
---@field answer? kaizala.EventAnswer
---@field isInvisible? boolean

---@class kaizala.TextMessageCreated: kaizala.EventEnvelope
---@field eventType "TextMessageCreated"
---@field data { text: string }

---@class kaizala.AttachmentCreated: kaizala.EventEnvelope
---@field eventType "AttachmentCreated"
---@field data { media: kaizala.EventMedia[], actionType: string, caption?: string }

---@class kaizala.Announcement: kaizala.EventEnvelope
---@field eventType "Announcement"
---@field data { title?: string, text: string, media: { url: string, fileName: string }[] }

---@class kaizala.JobCreated: kaizala.EventEnvelope
---@field eventType "JobCreated"
---@field data { title: string, assignedTo: any, dueDate?: integer, actionId: string, groupId: string }

---@class kaizala.JobResponseDetails
---@field assignee string
---@field assigneeName? string
---@field assigneeProfilePic? string
---@field isCompleted boolean

---@class kaizala.JobResponseData
---@field actionId string
---@field groupId string
---@field responseId string
---@field responseDetails { response: kaizala.JobResponseDetails }

---@class kaizala.JobResponse: kaizala.EventEnvelope
---@field eventType "JobResponse"
---@field data kaizala.JobResponseData

---@class kaizala.EventCreatedData
---@field actionId string
---@field groupId string
---@field questions? kaizala.EventQuestion[]

---@class kaizala.ActionCreated: kaizala.EventEnvelope
---@field eventType "ActionCreated"|"SurveyCreated"|"PollCreated"|"LetsMeetCreated"
---@field data kaizala.EventCreatedData

---@class kaizala.EventResponseData
---@field actionId string
---@field actionPackageId? string
---@field packageId? string
---@field groupId string
---@field sourceGroupId? string
---@field responseId string
---@field isUpdateResponse? boolean
---@field responder? string phone number
---@field responderId? string
---@field responderName? string
---@field responderProfilePic? string
---@field creatorId? string
---@field isAnonymous? boolean
---@field responseDetails { responseWithQuestions: kaizala.EventQuestion[] }
---@field Properties? table

---@class kaizala.ActionResponse: kaizala.EventEnvelope
---@field eventType "ActionResponse"|"SurveyResponse"|"PollResponse"|"LetsMeetResponse"
---@field data kaizala.EventResponseData

---@class kaizala.EventMemberData
---@field member string phone number, or a group's id
---@field memberId string
---@field memberName? string
---@field memberProfilePic? string
---@field type? string

---@class kaizala.MemberChanged: kaizala.EventEnvelope
---@field eventType "MemberAdded"|"MemberRemoved"|"GroupAdded"|"GroupRemoved"
---@field data kaizala.EventMemberData

---@class kaizala.TextMessageEvent: jeton.Event
---@field data kaizala.TextMessageCreated
---@class kaizala.AttachmentEvent: jeton.Event
---@field data kaizala.AttachmentCreated
---@class kaizala.AnnouncementEvent: jeton.Event
---@field data kaizala.Announcement
---@class kaizala.JobCreatedEvent: jeton.Event
---@field data kaizala.JobCreated
---@class kaizala.JobResponseEvent: jeton.Event
---@field data kaizala.JobResponse
---@class kaizala.ActionCreatedEvent: jeton.Event
---@field data kaizala.ActionCreated
---@class kaizala.SurveyResponseEvent: jeton.Event
---@field data kaizala.ActionResponse
---@class kaizala.MemberEvent: jeton.Event
---@field data kaizala.MemberChanged
