# A long job in the style of DPA's PowerShell examples. Not run by this project's tests: the same requests are, from dpa_style.py.
#
# It gets an access token with a refresh token, calls an API with it, and gets another one when the first runs out mid-way.
# An existing script of this kind needs its base URL changed and nothing else.

$baseURL = "https://localhost:8124/iwc/api"
# The API to call. Behind a gateway it has the same base URL (docs/examples/nginx.conf).
$apiURL = "$baseURL/databases"
# Keep it in a file that nobody else can read, or in a secret store: whoever has it can do what this script can.
$refreshToken = $env:REFRESH_TOKEN
$calls = 10

$script:expiry = Get-Date

function Get-AccessToken {
    $body = @{ grant_type = "refresh_token"; refresh_token = $refreshToken }
    $askedAt = Get-Date
    $answer = Invoke-RestMethod -Uri "$baseURL/security/oauth/token" -Method Post -Body $body
    $script:accessToken = $answer.access_token
    $script:tokenType = $answer.token_type
    $script:expiry = $askedAt.AddSeconds($answer.expires_in)
}

function Get-Headers {
    if (-not ((Get-Date) -lt $script:expiry)) {
        Get-AccessToken
    }
    @{
        "Authorization" = "$script:tokenType $script:accessToken"
        "Accept"        = "application/json"
    }
}

try {
    foreach ($call in 1..$calls) {
        Invoke-RestMethod -Uri $apiURL -Headers (Get-Headers) -ContentType "application/json;charset=UTF-8" | Out-Null
        Start-Sleep -Seconds 1
    }
    Write-Host "$calls calls"
}
catch {
    Write-Host $_.Exception.Message
    Write-Host $_.ErrorDetails.Message
    exit 1
}
