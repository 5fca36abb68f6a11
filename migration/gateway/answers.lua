-- V11's answers as V10 gives them: status, content type, numbers, errors. The transcoder has made JSON of them before.
-- Above this text stand: REQUEST_ID_HEADER, CONTENT_TYPE, CODES (names by gRPC's code), METHODS (by their
-- paths), REASONS and REFUSALS ({status, code, message}, each may be nil), and error_body(code, status, message, request_id).
-- Codes and messages are JSON's text of a string, without its quotes.
local ERROR_INFO = '"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"'

-- The text of a string of JSON, still escaped: whatever stands before its first quote is in `before`.
local function string_after(body, before)
  local _, stop = find(body, before, 1, true)
  if stop == nil then
    return nil
  end
  return sub(body, stop + 1, string_end(body, stop) - 1)
end

local function escaped(text)
  return (string.gsub(text, '[%c"\\]', function(char) return string.format("\\u%04x", byte(char)) end))
end

local function chosen(refusal, message)
  if refusal.message == nil then
    return message
  end
  return (string.gsub(refusal.message, "{message}", function() return message end))
end

-- A gRPC error, which the transcoder gives as google.rpc.Status.
local function refuse(handle, request_id)
  local body = handle:body()
  if body == nil then
    return
  end
  local text = body:getBytes(0, body:length())
  local headers = handle:headers() -- after body(): what was taken before is out of its scope
  local number = tonumber(string.match(text, '^{"code":(%d+)'))
  if number == nil then
    return
  end
  local name = CODES[number] or "UNKNOWN"
  local reason = string_after(text, ERROR_INFO)
  local refusal = (reason and REASONS[reason]) or REFUSALS[name] or NOTHING
  local status = refusal.status and tostring(refusal.status) or headers:get(":status")
  local message = chosen(refusal, string_after(text, '"message":"') or "")
  headers:replace(":status", status)
  headers:replace("content-type", CONTENT_TYPE)
  body:setBytes(error_body(refusal.code or reason or name, status, message, escaped(request_id)))
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local request_id = headers:get(REQUEST_ID_HEADER)
  if request_id == nil then -- Envoy's own reply: it has V10's form already
    return
  end
  headers:remove(REQUEST_ID_HEADER)
  local method = METHODS[handle:metadata():get("method")]
  if headers:get(":status") ~= "200" then
    refuse(handle, request_id)
  else
    headers:remove("grpc-status")
    headers:remove("grpc-message")
    headers:remove("grpc-accept-encoding")
    headers:replace("content-type", CONTENT_TYPE)
    if method.status then
      headers:replace(":status", method.status)
    end
    if method.streams and method.type then
      for chunk in handle:bodyChunks() do -- the transcoder gives whole messages
        chunk:setBytes(numbers(chunk:getBytes(0, chunk:length()), method.type))
      end
    elseif method.type then
      local body = handle:body()
      if body then
        body:setBytes(numbers(body:getBytes(0, body:length()), method.type))
      end
    end
  end
end
