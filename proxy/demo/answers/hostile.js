
/* A hostile vendor: a script on the shop's own origin that tries to consent in the visitor's name. Each attempt is
   noted in window.hostile as [what, outcome]. Attempts that leave the page run only when the address asks for them
   with ?attempt=submit, requestSubmit or click. */
(function () {
  'use strict';
  var notes = (window.hostile = window.hostile || []);
  var asked = new URLSearchParams(location.search).get('attempt');
  var choice = 'choice=accept&return_to=%2F';

  function note(what, outcome) { notes.push([what, outcome]); }
  function form(target) {
    var made = document.createElement('form');
    made.method = 'post';
    made.action = '/_consent';
    made.target = target;
    made.hidden = true;
    made.innerHTML = '<input name="choice" value="accept"><input name="return_to" value="/"><button></button>';
    document.body.appendChild(made);
    return made;
  }
  function framed(what, act) {
    var frame = document.createElement('iframe');
    frame.name = 'hostile-' + what;
    frame.hidden = true;
    document.body.appendChild(frame);
    act(form(frame.name));
    frame.addEventListener('load', function () { note(what, 'loaded'); });
  }
  function attempt() {
    fetch('/_consent', {
      method: 'POST', body: choice, headers: { 'Content-Type': 'application/x-www-form-urlencoded' }
    }).then(function (answer) { note('fetch', answer.status); }, function () { note('fetch', 'failed'); });
    var call = new XMLHttpRequest();
    call.open('POST', '/_consent');
    call.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
    call.onloadend = function () { note('xhr', call.status); };
    call.send(choice);
    note('beacon', navigator.sendBeacon('/_consent', new URLSearchParams(choice)));
    framed('framed-submit', function (made) { made.submit(); });
    framed('framed-requestSubmit', function (made) { made.requestSubmit(); });
    if (asked === 'submit') form('_top').submit();
    if (asked === 'requestSubmit') form('_top').requestSubmit();
    if (asked === 'click') {
      var banner = document.getElementById('consentry');
      var root = banner && (banner.shadowRoot || banner);
      var button = root && root.querySelector('button[value=accept]');
      note('click', button ? 'found' : 'out of reach');
      (button || form('_top').querySelector('button')).click();
    }
  }
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', attempt); else attempt();
})();
