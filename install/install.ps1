<#
.SYNOPSIS
From a checkout, or a wheel of it, to a scheduler that Windows calls, in one command; and back again.

.DESCRIPTION
    powershell -ExecutionPolicy Bypass -File install\install.ps1 [-Venv FOLDER] [-Config FILE] [-Wheel FILE]
        [-Python EXE] [-Name NAME] [-System]
    powershell -ExecutionPolicy Bypass -File install\install.ps1 -Uninstall [-Venv FOLDER] [-Config FILE]
        [-Name NAME] [-System]

-Name and -System are the options of 'adaptive-scheduler install': a second project, and a task that runs whether
or not anybody is logged on (needs an administrator).

Doing it again brings everything up to date; a tasks.toml that is there stays as it is, and neither it nor
what the tasks left behind is ever removed. For Windows PowerShell 5.1 and later. ASCII only: Windows
PowerShell reads a file without a mark in the system's code page.
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    [string] $Venv = '',
    [string] $Config = '',
    [string] $Wheel = '',
    [string] $Python = '',
    [string] $Name = '',
    [switch] $System,
    [switch] $Uninstall
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# Exit codes are looked at one by one; later versions could throw where 5.1 goes on.
$PSNativeCommandUseErrorActionPreference = $false

$NewEnough = 'import sys; sys.exit(sys.version_info < (3, 11))'
$Unreachable = 'No matching distribution|ConnectionError|NewConnectionError|NameResolutionError' +
    '|Could not fetch URL|Max retries exceeded|ReadTimeout|Connection refused|Network is unreachable'

function Write-Step([string] $Sentence) {
    Write-Output "install: $Sentence"
}

function Stop-With([string] $Sentence) {
    [Console]::Error.WriteLine("install: $Sentence")
    exit 2
}

function Get-Absolute([string] $Path) {
    return $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

# Whether a program answers with exit code 0; one that is missing does not. Its words go nowhere.
function Test-Native([string] $Program, [string[]] $Words) {
    # 5.1 turns every redirected line of stderr into an error, which must not end the script.
    $ErrorActionPreference = 'Continue'
    try {
        & $Program @Words > $null 2> $null
        return ($LASTEXITCODE -eq 0)
    } catch {
        return $false
    }
}

# The words that start a Python that is new enough: 'py -3' finds the newest that was installed.
function Find-Python {
    if ($Python) {
        $candidates = @(, @($Python))
    } else {
        $candidates = @(@('py', '-3'), @('python'), @('python3'))
    }
    foreach ($words in $candidates) {
        $rest = @($words | Select-Object -Skip 1)
        if (Test-Native $words[0] ($rest + @('-c', $NewEnough))) {
            return , @($words)
        }
    }
    Stop-With 'Python 3.11 or newer is needed; install one from python.org, or name it: -Python C:\path\to\python.exe'
}

function Install-Environment {
    if ((Test-Native $VenvPython @('-c', $NewEnough)) -and (Test-Native $VenvPython @('-c', 'import pip'))) {
        return
    }
    if ((Test-Path -LiteralPath $Venv) -and -not (Test-Path -LiteralPath $Mark)) {
        if (@(Get-ChildItem -LiteralPath $Venv -Force).Count -gt 0) {
            Stop-With "'$Venv' is there and is no environment that works; choose another with -Venv"
        }
    }
    $words = Find-Python
    $rest = @($words | Select-Object -Skip 1)
    if (-not (Test-Native $words[0] ($rest + @('-c', 'import ensurepip, venv')))) {
        Stop-With "'$($words -join ' ')' cannot make environments; install Python from python.org"
    }
    Write-Step "making '$Venv'"
    New-Item -ItemType Directory -Force -Path $Venv | Out-Null
    New-Item -ItemType File -Force -Path $Mark | Out-Null
    & $words[0] @rest -m venv --clear $Venv
    if ($LASTEXITCODE -ne 0) {
        Stop-With "cannot make '$Venv'; remove it and start again"
    }
    # --clear took it away; it stands before, too, for a run that is stopped in between.
    New-Item -ItemType File -Force -Path $Mark | Out-Null
}

function Install-Package([string] $Source) {
    $log = Join-Path $Venv 'pip-log.txt'
    if (Test-Path -LiteralPath $log) {
        Remove-Item -LiteralPath $log
    }
    & $VenvPython -m pip install --quiet --disable-pip-version-check --log $log --upgrade $Source
    if (($LASTEXITCODE -eq 0) -and $Wheel) {
        & $VenvPython -m pip install --quiet --disable-pip-version-check --log $log --no-deps --no-index `
            --force-reinstall $Source
    }
    if ($LASTEXITCODE -eq 0) {
        return
    }
    if ((Test-Path -LiteralPath $log) -and (Select-String -LiteralPath $log -Pattern $Unreachable -Quiet)) {
        Stop-With ('pip reaches no package index that has what is needed; connect to a network, or name an index ' +
            'in PIP_INDEX_URL or a folder of wheels in PIP_FIND_LINKS')
    }
    Stop-With "pip cannot install '$Source': see above"
}

function Install-All {
    $source = $Wheel
    if (-not $source) {
        $source = Split-Path -Parent $PSScriptRoot
        if (-not (Test-Path -LiteralPath (Join-Path $source 'pyproject.toml'))) {
            Stop-With "'$source' is no checkout; name a wheel with -Wheel"
        }
    }
    $source = Get-Absolute $source
    if (-not (Test-Path -LiteralPath $source)) {
        Stop-With "there is no wheel '$source'"
    }
    $folder = Split-Path -Parent $Config
    $there = Test-Path -LiteralPath $Config
    if (-not $there -and ((Split-Path -Leaf $Config) -ne 'tasks.toml')) {
        Stop-With "'$Config' is not there; one can be written for you where its name is tasks.toml"
    }
    Install-Environment
    Write-Step "installing '$source' into '$Venv'"
    Install-Package $source
    if (-not $there) {
        New-Item -ItemType Directory -Force -Path $folder | Out-Null
        & $Program init $folder | Out-Null
        if ($LASTEXITCODE -ne 0) {
            Stop-With "cannot write '$Config'"
        }
        Write-Step "wrote '$Config', to start from"
    }
    # Of what else 'check' finds, a registration that no longer fits is mended by the next line.
    & $Program --config $Config check
    if ($LASTEXITCODE -eq 2) {
        Stop-With "mend what 'check' found, then start this again"
    }
    & $Program --config $Config install @Options
    if ($LASTEXITCODE -ne 0) {
        Stop-With 'it is installed, and not registered: see above'
    }
    Write-Output ''
    Write-Output 'It is installed. Next:'
    Write-Output "  edit      notepad `"$Config`""
    Write-Output "  check     & `"$Program`" --config `"$Config`" check"
    Write-Output "  look      & `"$Program`" --config `"$Config`" status"
    Write-Output ("  remove    powershell -ExecutionPolicy Bypass -File `"$PSCommandPath`" -Uninstall " +
        "-Venv `"$Venv`" -Config `"$Config`"")
}

function Uninstall-All {
    if ($Wheel) {
        Stop-With '-Uninstall takes no wheel'
    }
    if (-not (Test-Path -LiteralPath $Program)) {
        Write-Step "nothing is installed in '$Venv'"
        return
    }
    & $Program --config $Config uninstall @Options
    if ($LASTEXITCODE -ne 0) {
        Stop-With 'it is registered still, so nothing was removed'
    }
    if (-not (Test-Path -LiteralPath $Mark)) {
        & $VenvPython -m pip uninstall --quiet --yes --disable-pip-version-check adaptive-rhythm-scheduler
        if ($LASTEXITCODE -ne 0) {
            Stop-With "pip cannot remove the package from '$Venv': see above"
        }
        Write-Step "removed the package from '$Venv', which was there before; '$Config' is still there"
        return
    }
    try {
        Remove-Item -LiteralPath $Venv -Recurse -Force
    } catch {
        Stop-With "cannot remove all of '$Venv' ($_); is a run still going on? Remove the folder when it has ended"
    }
    Write-Step "removed '$Venv'; '$Config' and what its tasks left behind are still there"
}

if (-not $Venv) {
    if (-not $env:LOCALAPPDATA) {
        Stop-With 'LOCALAPPDATA is not set; give -Venv'
    }
    $Venv = Join-Path $env:LOCALAPPDATA 'adaptive-scheduler\venv'
}
if (-not $Config) {
    if (-not $env:APPDATA) {
        Stop-With 'APPDATA is not set; give -Config'
    }
    $Config = Join-Path $env:APPDATA 'adaptive-scheduler\tasks.toml'
}
$Venv = Get-Absolute $Venv
$Config = Get-Absolute $Config
$Options = @()
if ($Name) {
    $Options += @('--name', $Name)
}
if ($System) {
    $Options += '--system'
}
$VenvPython = Join-Path $Venv 'Scripts\python.exe'
$Program = Join-Path $Venv 'Scripts\adaptive-scheduler.exe'
$Mark = Join-Path $Venv 'made-by-install.txt'

if ($Uninstall) {
    Uninstall-All
} else {
    Install-All
}
exit 0
