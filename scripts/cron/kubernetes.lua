--- Kubernetes: a CronJob for each scheduled job.
local json = require "jeton.json"

local kubernetes = {}

local NAME_MAX <const> = 52 -- the controller adds 11 characters for a Job
local DEADLINE_S <const> = 300 -- a slot is claimed up to five minutes after its time
local CATCH_UP_S <const> = 3600 -- later starts; below 100 missed ones, or none is started
local GRACE_S <const> = 180 -- after the job's own deadline: clean-up, heartbeat, notice
local USER <const> = 10001 -- any number but 0 that is no other user's, and its group has no name in the image
local FNV_BASIS <const> = 2166136261
local FNV_PRIME <const> = 16777619

local CRONJOB = [[
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: $name
  labels: { app.kubernetes.io/name: jeton, app.kubernetes.io/component: job }
  annotations: { jeton/job: $job$configuration }
spec:
$note  schedule: "$fields"
  timeZone: $zone
  concurrencyPolicy: $policy
  startingDeadlineSeconds: $starting
  jobTemplate:
    spec:
      backoffLimit: 0 # jeton itself retries
      activeDeadlineSeconds: $deadline
      template:
        spec:
          restartPolicy: Never
          securityContext:
            runAsNonRoot: true
            runAsUser: $user
            runAsGroup: $user
            fsGroup: $user # jeton can read the Secret and write the volume by this group
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile: { type: RuntimeDefault }
          containers:
            - name: jeton
              image: $image
              command: [jeton, --config, $path, run, --job, $job, --scheduled]
$env              securityContext:
                allowPrivilegeEscalation: false
                capabilities: { drop: [ALL] }
                readOnlyRootFilesystem: true
              volumeMounts:
                - name: config
                  mountPath: $folder
                  readOnly: true
$mounts                - name: state
                  mountPath: $state
                - name: tmp
                  mountPath: /tmp
          volumes:
$secrets$volume            - name: tmp # for scripts and the programs that they start
              emptyDir: {}
]]

local SECRET = [[
            - name: config
              secret: { secretName: $secret, defaultMode: 256 } # 0400; with fsGroup 0440
]]
-- Its keys have no folders.
local PROJECTED = [[
            - name: config
              projected:
                defaultMode: 256 # 0400; with fsGroup 0440
                sources:
                  - secret: { name: $secret }
                  - secret:
                      name: $secret
                      items:
]]
local FILE = [[
                - name: config
                  mountPath: %s
                  subPath: %s
                  readOnly: true
]]
-- As systemd would have it: a file each, in a folder of their own.
local CREDENTIALS <const> = "/run/credentials/jeton"
local CREDENTIAL_MOUNT = [[
                - name: credentials
                  mountPath: %s
                  readOnly: true
]]
local CREDENTIAL_VOLUME = [[
            - name: credentials # each is a key, by its name
              secret: { secretName: %s, defaultMode: 256 }
]]
local REFERENCE = [[
                - name: %s
                  valueFrom: { secretKeyRef: { name: %s, key: %s } }
]]

local CLAIM = [[
            - name: state # one for all jobs: slots and locks are in it
              persistentVolumeClaim: { claimName: jeton-state }
]]
-- Everybody in the pod can write there: jeton makes its own folder in it, which nobody else can
-- enter.
local EMPTY = [[
            - name: state # the pod's own ID and locks; all that is shared is in the database
              emptyDir: {}
]]

-- A name as Kubernetes wants it (RFC 1123), with that of the configuration if it has one. What had to
-- be changed, or could be read in two ways, gets a mark of its own, so that no two share a name.
local function object_name(configuration, what)
  local exact = configuration and configuration .. "/" .. what or what -- "/" is in no name
  local name = ("jeton-" .. exact):gsub("[_/]", "-"):lower()
  local changed = exact:find "[_%u]" or #name > NAME_MAX or name:sub(-1) == "-"
  if not changed and not (configuration and configuration:find("-", 1, true)) then
    return name
  end
  local hash = FNV_BASIS
  for byte in ("jeton-" .. exact):gmatch "." do
    hash = (hash ~ byte:byte()) * FNV_PRIME & 0xFFFFFFFF
  end
  return ("%s-%08x"):format(name:sub(1, NAME_MAX - #"-01234567"), hash)
end

local quoted = json.encode -- JSON's strings are YAML's, too

local function variable(name, value)
  return ("                - name: %s\n                  value: %s\n"):format(name, quoted(value))
end

-- Each once.
local function distinct(list)
  local seen, found = {}, {}
  for _, item in ipairs(list) do
    if not seen[item] then
      seen[item], found[#found + 1] = true, item
    end
  end
  return found
end

local ITEM = "                        - { key: %s, path: %s }\n"

-- Files that are in the folder come with it. Those in folders below it, and the files of conf.d, must be put
-- there, as a volume's mount cannot be in another one that is read only; secrets' files elsewhere are
-- mounted one by one. (Scripts and certificates elsewhere are the image's.)
local function files(plan, job, folder)
  local mounts, items, named = "", "", table.move(plan.files, 1, #plan.files, 1, {})
  table.move(plan.authorities, 1, #plan.authorities, #named + 1, named)
  named[#named + 1] = job.script
  for _, name in ipairs(plan.parts) do
    items = items .. ITEM:format(quoted(name), quoted("conf.d/" .. name))
  end
  for _, path in ipairs(distinct(named)) do
    local name = path:match "[^/]*$"
    local below = path:sub(1, #folder + 1) == folder .. "/" and path:sub(#folder + 2)
    if not below then
      mounts = mounts .. FILE:format(quoted(path), quoted(name))
    elseif below ~= name then
      items = items .. ITEM:format(quoted(name), quoted(below))
    end
  end
  return mounts, items
end

local function environment(plan, job, secret)
  local variables = (not job.timezone and variable("TZ", plan["local"]) or "") -- that jeton's is this one
    .. (plan.state_home and variable("XDG_STATE_HOME", plan.state_home) or "")
    .. (#plan.credentials > 0 and variable("CREDENTIALS_DIRECTORY", CREDENTIALS) or "")
  for _, name in ipairs(distinct(plan.variables)) do
    variables = variables .. REFERENCE:format(name, secret, name)
  end
  return variables ~= "" and "              env:\n" .. variables or ""
end

local function cronjob(plan, job)
  local folder = plan.path:match "^(.*)/"
  local function secret_name(what)
    return plan.configuration and object_name(plan.configuration, what) or "jeton-" .. what
  end
  local secret, credentials = secret_name "config", ""
  local mounts, items = files(plan, job, folder)
  if #plan.credentials > 0 then
    mounts = mounts .. CREDENTIAL_MOUNT:format(CREDENTIALS)
    credentials = CREDENTIAL_VOLUME:format(secret_name "credentials")
  end
  local fill = {
    name = object_name(plan.configuration, job.name),
    mounts = mounts,
    secrets = (items == "" and SECRET or PROJECTED):gsub("%$secret", secret) .. items .. credentials,
    job = quoted(job.name),
    configuration = plan.configuration and ", jeton/configuration: " .. quoted(plan.configuration) or "",
    note = job.plain and "" or ("  # %s, %s: in UTC no time is skipped or repeated; jeton decides which of "
      .. "these are due.\n"):format(job.schedule, job.zone),
    fields = job.fields,
    zone = quoted(job.plain and job.zone or "Etc/UTC"),
    policy = job.wait and "Allow" or "Forbid",
    starting = job.catch_up and CATCH_UP_S or DEADLINE_S,
    deadline = (job.deadline_ms + 999) // 1000 + GRACE_S,
    image = plan.image and quoted(plan.image)
      or "jeton:" .. plan.version .. " # your image, with jeton and tzdata; --image names another",
    path = quoted(plan.path),
    env = environment(plan, job, secret_name "env"),
    user = USER,
    folder = quoted(folder ~= "" and folder or "/"),
    state = quoted(plan.database and plan.state:match "^(.+)/" or plan.state),
    volume = plan.database and EMPTY or CLAIM,
  }
  return (CRONJOB:gsub("%$(%a+)", fill))
end

---@param view string JSON, as runtime/cron/cron_view.c writes it
---@return string
function kubernetes.render(view)
  local plan, manifests = assert(json.decode(view)), {}
  for i, job in ipairs(plan.jobs) do
    manifests[i] = cronjob(plan, job)
  end
  return table.concat(manifests)
end

return kubernetes
