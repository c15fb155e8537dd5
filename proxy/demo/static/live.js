/* The demo's live page: takes the new rows from the server as they change, and leaves opened details open. */
new EventSource('/events').onmessage = function (event) {
  var place = document.getElementById('rows');
  var open = Array.prototype.map.call(place.querySelectorAll('details[open]'), function (one) { return one.dataset.of; });
  place.innerHTML = JSON.parse(event.data);
  open.forEach(function (key) {
    var one = place.querySelector('details[data-of="' + key + '"]');
    if (one) one.open = true;
  });
};
